"""Small recordings for tests, written event by event."""

from __future__ import annotations

from itertools import count

START = 1_717_225_200_000


def text(value, node_id):
    return {"type": 3, "textContent": value, "id": node_id}


def element(tag, node_id, *children, **attributes):
    return {
        "type": 2,
        "tagName": tag,
        "attributes": {
            key.replace("_", "-"): value for key, value in attributes.items()
        },
        "childNodes": list(children),
        "id": node_id,
    }


def page(*body):
    """A document whose body (id 4) holds the given nodes."""
    head = element("head", 3, element("title", 5, text("Shop", 6)))
    html = element("html", 2, head, element("body", 4, *body))
    return {"type": 0, "childNodes": [html], "id": 1}


def meta(t, href="https://shop.test/", width=1000, height=700):
    data = {"href": href, "width": width, "height": height}
    return {"type": 4, "data": data, "timestamp": START + t}


def snapshot(t, *body):
    data = {"node": page(*body), "initialOffset": {"left": 0, "top": 0}}
    return {"type": 2, "data": data, "timestamp": START + t}


def change(t, source, **data):
    return {"type": 3, "data": {"source": source, **data}, "timestamp": START + t}


def mutation(t, **lists):
    empty = {"removes": [], "adds": [], "texts": [], "attributes": []}
    return change(t, 0, **{**empty, **lists})


def add(parent, node, before=None):
    return {"parentId": parent, "nextId": before, "node": node}


def click(t, node_id, x=10, y=10):
    return change(t, 2, type=2, id=node_id, x=x, y=y)


def console(t, level, *words):
    payload = {"level": level, "payload": [f'"{word}"' for word in words], "trace": []}
    data = {"plugin": "rrweb/console@1", "payload": payload}
    return {"type": 6, "data": data, "timestamp": START + t}


def session(length=20_000, step=500):
    """A plain, valid session of the given length."""
    numbers = count(100)
    events = [meta(0), snapshot(10, element("button", 7, text("Pay", 8)))]
    for t in range(step, length + 1, step):
        node = element("p", next(numbers), text("new", next(numbers)))
        node["childNodes"] = []
        events.append(mutation(t, adds=[add(4, node)]))
    return events
