"""HTTP/2 by httpx: a hundred requests at once on one connection, bodies both ways."""

import asyncio
import os

import httpx

URL, HOST = os.environ["GATEWAY_URL"], os.environ["GATEWAY_HOST"]


async def main():
    limits = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(
        http1=False, http2=True, limits=limits, timeout=30, trust_env=False
    ) as client:

        async def call(number):
            body = bytes([65 + number % 26]) * (number * 1000)
            answer = await client.post(
                f"{URL}/path/{number}", headers={"Host": HOST, "X-Number": str(number)}, content=body
            )
            assert answer.status_code == 200, answer.text
            assert answer.http_version == "HTTP/2", answer.http_version
            echoed = answer.json()
            assert echoed["target"] == f"/path/{number}", echoed["target"]
            assert echoed["body"] == body.decode(), f"{number}: {len(echoed['body'])} bytes came back"
            names = {name.lower(): value for name, value in echoed["headers"]}
            assert names["x-number"] == str(number), names

        await asyncio.gather(*(call(number) for number in range(100)))
        missing = await client.get(f"{URL}/", headers={"Host": HOST})
        assert missing.status_code == 404, missing.text


asyncio.run(main())
print("streams: ok")
