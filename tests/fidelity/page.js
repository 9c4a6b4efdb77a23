// Plays events with rrweb's own Replayer and writes down the page that results.
import { Replayer } from "@rrweb/replay";
import { Engine } from "../../replaykit/widgets/js/engine.ts";

/** Pictures of canvases load: wait until none of them changes any more. */
async function drawn(replayer) {
  const all = () => [...replayer.iframe.contentDocument.querySelectorAll("canvas")];
  const now = () => all().map((canvas) => canvas.toDataURL()).join(" ");
  let before = null;
  for (let same = 0; all().length > 0 && same < 3; ) {
    await frames();
    const seen = now();
    same = seen === before ? same + 1 : 0;
    before = seen;
  }
}

const frames = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));

window.show = async (events, t, steps, useVirtualDom) => {
  document.body.replaceChildren();
  const replayer = new Replayer(events, {
    root: document.body,
    showWarning: false,
    mouseTail: false,
    triggerFocus: false,
    useVirtualDom,
  });
  // As the engine does in its sealed frame: drawn without letting scripts into the page.
  replayer.config.UNSAFE_replayCanvas = true;
  // The first picture and the first window size come by timers; seek after them.
  await frames();
  for (const step of steps) replayer.pause(step);
  replayer.pause(t);
  await frames();
  await drawn(replayer);
  const page = whole(replayer);
  replayer.destroy();
  return page;
};

let engine = null;

/** Open segments in the widget's engine; moments are then jumped to in it, one after another. */
window.open_segments = async (start_ms, segments) => {
  engine?.engine.destroy();
  document.body.replaceChildren();
  const root = document.createElement("div");
  root.style.cssText = "width: 1200px; height: 800px";
  document.body.append(root);
  const arrived = new Map();
  const made = new Engine(root, {
    guard: null,
    async send(message) {
      if (message.kind === "need") {
        const json = new Blob([JSON.stringify(segments[message.index].events)]);
        const packed = json.stream().pipeThrough(new CompressionStream("deflate"));
        const bytes = await new Response(packed).arrayBuffer();
        made.receive({ kind: "segment", id: message.id, index: message.index, bytes });
      } else if (message.kind === "at" || message.kind === "failed") {
        arrived.get(message.seq)?.(message);
      }
    },
  });
  made.receive({ kind: "open", id: 1, start_ms, segments });
  engine = { engine: made, arrived, seq: 0 };
};

window.jump = async (t, steps) => {
  for (const at of [...steps, t]) {
    engine.seq += 1;
    const { seq } = engine;
    const done = new Promise((then) => engine.arrived.set(seq, then));
    const seek = { kind: "seek", seq, t: at, playing: false, speed: 1, resume: false };
    engine.engine.receive(seek);
    const message = await done;
    if (message.kind === "failed") throw new Error(message.message);
  }
  await frames();
  await drawn(engine.engine.replayer);
  return whole(engine.engine.replayer);
};

function whole(replayer) {
  const mirror = replayer.getMirror();
  const page = describe(replayer.iframe.contentDocument, mirror);
  const size = [replayer.iframe.getAttribute("width"), replayer.iframe.getAttribute("height")];
  const scroll = replayer.iframe.contentWindow;
  page.pointer = replayer.mouse.style.left;
  page.touched = replayer.mouse.classList.contains("touch-active");
  page.window = [scroll.scrollX, scroll.scrollY, ...size];
  const fonts = [...replayer.iframe.contentDocument.fonts];
  const faces = fonts.map((font) => `${font.family} ${font.weight} ${font.style}`);
  page.fonts = [...new Set(faces.map((face) => face.replaceAll('"', "")))].sort();
  page.media = media(replayer, mirror);
  return page;
}

/** What sounds and films do: nothing of their data is recorded, so what rrweb holds of each. */
function media(replayer, mirror) {
  const t = replayer.getCurrentTime();
  const players = [...replayer.mediaManager.mediaMap].map(([node, state]) => {
    const { isPlaying, playbackRate, volume, muted, loop } = state;
    const since = (t - state.lastInteractionTimeOffset) / 1000;
    const at = state.currentTimeAtLastInteraction + (isPlaying ? since * playbackRate : 0);
    const id = mirror.getId(node);
    return { id, name: "media", isPlaying, playbackRate, volume, muted, loop, at: at + 1e-6 };
  });
  return players.filter(({ id }) => id > 0).sort((one, other) => one.id - other.id);
}

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
    if (node.nodeName === "SELECT") out.chosen = [...node.selectedOptions].map((one) => one.value);
    if (node.nodeName === "CANVAS") out.drawn = node.toDataURL();
    // Once defined in a window, a name stays so: only what the recording says is compared.
    if (mirror.getMeta(node)?.isCustom) out.defined = node.matches(":defined");
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
  if (node.nodeType === Node.DOCUMENT_NODE) {
    out.sheets = sheets(node);
    out.scrolled = node.defaultView && [node.defaultView.scrollX, node.defaultView.scrollY];
    out.selected = selected(node, mirror);
  }
  out.children = [...node.childNodes]
    .filter((child) => !(child.nodeName === "STYLE" && mirror.getId(child) < 0))
    .map((child) => describe(child, mirror));
  return out;
}

function selected(page, mirror) {
  const selection = page.getSelection();
  const ranges = [...Array(selection?.rangeCount ?? 0).keys()].map((at) => selection.getRangeAt(at));
  return ranges
    .filter((range) => !range.collapsed)
    .map(({ startContainer, startOffset, endContainer, endOffset }) =>
      [mirror.getId(startContainer), startOffset, mirror.getId(endContainer), endOffset]);
}

function sheets(root) {
  return root.adoptedStyleSheets.map((sheet) => [...sheet.cssRules].map((rule) => rule.cssText));
}
