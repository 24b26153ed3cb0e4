from html.parser import HTMLParser
from pathlib import Path

text = Path("index.html").read_text()
seen: list[tuple[str, dict]] = []


class Page(HTMLParser):
    def handle_starttag(self, tag, attrs):
        seen.append((tag, dict(attrs)))


Page().feed(text)
tags = [tag for tag, _ in seen]
assert text.lstrip().lower().startswith("<!doctype html>")
assert "<title>Sign up</title>" in text
form = next(attrs for tag, attrs in seen if tag == "form")
assert form.get("method", "").lower() == "post" and form.get("action") == "/signup"
inputs = [attrs for tag, attrs in seen if tag == "input"]
email = next(attrs for attrs in inputs if attrs.get("type") == "email")
assert "required" in email and email.get("name")
labels = {attrs.get("for") for tag, attrs in seen if tag == "label"}
assert {attrs.get("id") for attrs in inputs if attrs.get("type") != "submit"} <= labels
assert "button" in tags or any(attrs.get("type") == "submit" for attrs in inputs)
assert "script" not in tags and "http" not in text
assert any(attrs.get("name") == "viewport" for tag, attrs in seen if tag == "meta")
