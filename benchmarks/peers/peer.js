// The peer as a widget: it gets its recording whole, by the quickest way a notebook has.
import Player from "rrweb-player";
import css from "rrweb-player/dist/style.css";
export default {
  async render({ model, el }) {
    el.append(Object.assign(document.createElement("style"), { textContent: css }));
    const events = await (await fetch(model.get("url"))).json();
    const player = new Player({
      target: el,
      props: { events, autoPlay: false, width: 800, height: 450, UNSAFE_replayCanvas: false },
    });
    window.peer = player;
    requestAnimationFrame(() => bench.peerPainted());
  },
};
