// A function as AWS Lambda takes it: event format 2.0 in, a response out.
export const handler = async (event) => {
  const { name } = event.pathParameters;
  return {
    statusCode: 200,
    headers: { "content-type": "text/plain" },
    body: `Hello ${name}, from a Node.js function.\n`,
  };
};
