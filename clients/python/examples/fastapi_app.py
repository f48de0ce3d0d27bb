"""A FastAPI application that keeps what it computes in Hearsay, for all of its workers:

    pip install fastapi uvicorn && pip install clients/python
    uvicorn fastapi_app:app --workers 4
"""
import asyncio
import os
from typing import Any, Dict

from fastapi import FastAPI, HTTPException

from hearsay import Client, cached

endpoints = os.environ.get("HEARSAY_URL", "http://localhost:8001").split(",")
cache = Client(endpoints, token=os.environ.get("HEARSAY_TOKEN"))
app = FastAPI()


@cached(cache, ttl_ms=60_000, prefix="reports/", key=str)
async def report(name: str) -> Dict[str, Any]:
    await asyncio.sleep(1)  # something slow
    return {"name": name, "rows": len(name)}


@app.get("/reports/{name}")
async def get_report(name: str) -> Dict[str, Any]:
    return await report(name)


@app.delete("/reports/{name}")
def drop_report(name: str) -> Dict[str, bool]:
    if not cache.delete(f"reports/{name}").existed:
        raise HTTPException(404)
    return {"deleted": True}
