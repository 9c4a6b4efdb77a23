/**
 * The recorded pointer, once a frame. rrweb draws the whole trail and looks for everything hovered
 * at each of the pointer's positions, twice: at sixteen times the speed that is some hundred
 * times a frame, and nothing else on the page gets its turn.
 */

import type { Replayer } from "@rrweb/replay";

interface Point {
  x: number;
  y: number;
  until: number;
}

interface TrailLook {
  strokeStyle: string;
  lineWidth: number;
  /** How long a point stays, in recorded milliseconds. */
  duration: number;
}

/** What of rrweb's replayer is replaced here, and what that needs of it. */
export interface Pointed {
  mouseTail: HTMLCanvasElement | null;
  tailPositions: unknown[];
  config: { mouseTail: unknown; speed: number };
  moveAndHover(x: number, y: number, id: number, sync: boolean, data: unknown): void;
  drawMouseTail(at: { x: number; y: number }): void;
  hoverElements(target: Element): void;
}

/** Let a replayer show its pointer once a frame while it plays, and at once in a jump. */
export function oncePerFrame(replayer: Replayer | Pointed): void {
  const inner = replayer as unknown as Pointed;
  const move = inner.moveAndHover.bind(inner);
  const hover = inner.hoverElements.bind(inner);
  let playing = false;
  let hovered: Element | null = null;
  let drawing = false;

  inner.moveAndHover = (x, y, id, sync, data) => {
    playing = !sync;
    move(x, y, id, sync, data);
    playing = false;
  };

  inner.hoverElements = (target) => {
    if (!playing) {
      hovered = null;
      hover(target);
      return;
    }
    // All positions of one frame are played in one task: the last one is what is seen.
    if (hovered === null) queueMicrotask(settle);
    hovered = target;
  };

  function settle(): void {
    const target = hovered;
    hovered = null;
    if (target) hover(target);
  }

  inner.drawMouseTail = ({ x, y }) => {
    const { duration } = inner.config.mouseTail as TrailLook;
    inner.tailPositions.push({ x, y, until: performance.now() + duration / inner.config.speed });
    if (drawing) return;
    drawing = true;
    requestAnimationFrame(draw);
  };

  function draw(): void {
    const canvas = inner.mouseTail;
    const pen = canvas?.getContext("2d");
    // A jump takes another list, so it is looked up each time.
    const now = performance.now();
    const points = (inner.tailPositions as Point[]).filter((point) => point.until > now);
    inner.tailPositions = points;
    drawing = points.length > 0;
    if (!canvas || !pen) return;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!drawing) return;
    const look = inner.config.mouseTail as TrailLook;
    pen.beginPath();
    pen.lineCap = "round";
    pen.lineWidth = look.lineWidth;
    pen.strokeStyle = look.strokeStyle;
    for (const point of points) pen.lineTo(point.x, point.y);
    pen.stroke();
    requestAnimationFrame(draw);
  }
}
