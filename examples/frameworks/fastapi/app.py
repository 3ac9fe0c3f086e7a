"""A FastAPI application that knows nothing of gateways, and the one line that makes it a function."""

from fastapi import Cookie, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()
pets = {1: {"id": 1, "name": "Rex", "tags": ["dog"]}}


class NewPet(BaseModel):
    name: str
    tags: list[str] = []


@app.get("/pets/{pet_id}")
def show_pet(pet_id: int):
    if pet_id not in pets:
        raise HTTPException(status_code=404, detail=f"there is no pet {pet_id}")
    return pets[pet_id]


@app.post("/pets", status_code=201)
def add_pet(pet: NewPet, response: Response):
    response.headers["location"] = "/pets/2"
    return {"id": 2, **pet.model_dump()}


@app.get("/search")
def search(q: str, tag: list[str] = Query(default=[])):
    return {"q": q, "tag": tag}


@app.get("/visits")
def visits(response: Response, visits: int = Cookie(default=0)):
    response.set_cookie("visits", str(visits + 1), path="/")
    response.set_cookie("seen", "yes", httponly=True)
    return {"visits": visits + 1}


@app.post("/reverse")
async def reverse(request: Request):
    body = await request.body()
    return Response(body[::-1], media_type="application/octet-stream")


@app.get("/old")
def old():
    return RedirectResponse("/pets/1", status_code=307)


@app.delete("/pets/{pet_id}", status_code=204)
def remove_pet(pet_id: int):
    return None


@app.get("/files/{path:path}")
def file(path: str):
    return {"path": path}


handler = Mangum(app, lifespan="off")
