"""The page of /docs: a field for the key, then the document in Swagger's form, where every request carries that key.

It holds nothing that is a secret; the document itself is given to holders of a key.
"""

from __future__ import annotations

from infra.client import MAKE_A_KEY

DOCUMENT = "/openapi.json"
SQUARE = (  # a blue PNG of 64 by 64 pixels, for examples
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABAAQMAAACQp+OdAAAAA1BMVEVGgrQW1EH0AAAAD0lEQVR42mNgGAWjgHwAAAJAAAHgTR1EAAAAAElFTkSu"
    "QmCC"
)
SCRIPT = """
const form = document.getElementById("key"), why = document.getElementById("why");
async function open(key) {
  const answer = await fetch("@DOCUMENT@", {headers: {Authorization: `Bearer ${key}`}, credentials: "omit"});
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error.message);
  const ui = SwaggerUIBundle({
    spec: body, dom_id: "#swagger-ui", deepLinking: true, validatorUrl: null, tryItOutEnabled: true,
    defaultModelsExpandDepth: 0, onComplete: () => ui.preauthorizeApiKey("key", key),
  });
  form.hidden = true;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const key = form.elements.value.value.trim().replace(/^bearer\\s+/i, "");
  why.textContent = "asking the gateway ...";
  try { await open(key); } catch (error) { why.textContent = error.message; }
});
"""
PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Moderato</title>
<link rel="icon" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #222; font: 16px/1.5 system-ui, sans-serif; }
#key { max-width: 38rem; margin: 4rem auto; padding: 0 1rem; }
#key[hidden] { display: none; }
#key h1 { font-size: 1.5rem; }
#key div { display: flex; gap: .5rem; flex-wrap: wrap; }
#key input, #key button { font: inherit; padding: .5rem .75rem; border: 1px solid #767676; border-radius: 4px; }
#key input { flex: 1 1 16rem; }
#key button { background: #1b5e9b; border-color: #1b5e9b; color: #fff; cursor: pointer; }
#key code { background: #f0f0f0; padding: .1rem .3rem; overflow-wrap: anywhere; }
#why { color: #a40000; min-height: 1.5em; }
</style>
</head>
<body>
<form id="key">
<h1>The gateway's API</h1>
<label for="value">API key</label>
<div><input id="value" name="value" type="password" autocomplete="off" required autofocus
placeholder="what moderato keys create printed"> <button>Show the API</button></div>
<p>Paste what <code>@MAKE@</code> printed, and nothing else. It stays in this tab, and goes to this gateway alone.</p>
<p id="why" role="alert"></p>
</form>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script>@SCRIPT@</script>
</body>
</html>
"""
for name, value in {"MAKE": MAKE_A_KEY, "SCRIPT": SCRIPT, "DOCUMENT": DOCUMENT}.items():
    PAGE = PAGE.replace(f"@{name}@", value)
