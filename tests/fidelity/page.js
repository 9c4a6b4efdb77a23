// Plays events with rrweb's own Replayer and writes down the page that results.
import { Replayer } from "@rrweb/replay";

const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

window.show = async (events, t, steps) => {
  document.body.replaceChildren();
  const replayer = new Replayer(events, {
    root: document.body,
    showWarning: false,
    mouseTail: false,
    triggerFocus: false,
  });
  // The first picture and the first window size come by timers; seek after them.
  await frames();
  for (const step of steps) replayer.pause(step);
  replayer.pause(t);
  await frames();
  const mirror = replayer.getMirror();
  const page = describe(replayer.iframe.contentDocument, mirror);
  const size = [replayer.iframe.getAttribute("width"), replayer.iframe.getAttribute("height")];
  const scroll = replayer.iframe.contentWindow;
  page.pointer = replayer.mouse.style.left;
  page.window = [scroll.scrollX, scroll.scrollY, ...size];
  replayer.destroy();
  return page;
};

function describe(node, mirror) {
  // Nodes the Replayer made up itself have negative ids of any value.
  const out = { id: Math.max(mirror.getId(node), -1), name: node.nodeName };
  if (node.nodeType === Node.TEXT_NODE || node.nodeType === Node.COMMENT_NODE) {
    out.text = node.textContent;
    return out;
  }
  if (node.nodeType === Node.ELEMENT_NODE) {
    out.attributes = {};
    for (const { name, value } of node.attributes) out.attributes[name] = value;
    if (node.classList.contains("rrweb-paused") || node.classList.contains(":hover")) {
      // Playing state and the hover mark are the Replayer's own. While it skips ahead it
      // does not find clicked nodes that it has only built virtually, so the element it
      // marks then is an earlier one (see test_pointer_is_where_the_visitor_had_it).
      const names = [...node.classList].filter((n) => n !== "rrweb-paused" && n !== ":hover");
      out.attributes.class = names.join(" ");
    } else if (node.hasAttribute("class")) {
      out.attributes.class = [...node.classList].join(" ");
    }
    // Written by the element itself from its declarations: same declarations, any spelling.
    if (node.hasAttribute("style") && node.style) {
      out.attributes.style = [...node.style]
        .map((p) => `${p}:${node.style.getPropertyValue(p)} ${node.style.getPropertyPriority(p)}`)
        .sort();
      if (!out.attributes.style.length) delete out.attributes.style;
    }
    if (out.attributes.class === "") delete out.attributes.class;
    if ("value" in node && node.nodeName !== "LI" && node.nodeName !== "PARAM")
      out.value = String(node.value);
    if ("checked" in node) out.checked = node.checked;
    if (node.scrollTop || node.scrollLeft) out.scroll = [node.scrollLeft, node.scrollTop];
    if (node.sheet) {
      try {
        out.rules = [...node.sheet.cssRules].map((rule) => rule.cssText);
      } catch {
        out.rules = "foreign";
      }
    }
    if (node.nodeName === "IFRAME" && node.contentDocument)
      out.frame = describe(node.contentDocument, mirror);
    if (node.shadowRoot) {
      out.shadow = [...node.shadowRoot.childNodes].map((child) => describe(child, mirror));
      out.shadowSheets = sheets(node.shadowRoot);
    }
  }
  if (node.nodeType === Node.DOCUMENT_NODE) out.sheets = sheets(node);
  out.children = [...node.childNodes]
    .filter((child) => !(child.nodeName === "STYLE" && mirror.getId(child) < 0))
    .map((child) => describe(child, mirror));
  return out;
}

function sheets(root) {
  return root.adoptedStyleSheets.map((sheet) => [...sheet.cssRules].map((rule) => rule.cssText));
}
