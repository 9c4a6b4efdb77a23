/**
 * Everything but the player: charts and their microscope, lists, look-up. Built apart (build.mjs)
 * and loaded when a widget first needs it, so that a player alone stays small; what both sides use
 * is handed over by the player's bundle (`rk:shared`) and stands there once.
 */

import { renderHome } from "./home.ts";
import { renderLookUp } from "./lookup.ts";
import { renderMosaic } from "./mosaic.ts";
import type { Traits } from "./protocol.ts";
import { renderResult } from "./result.ts";
import { type Render, styled } from "./styled.ts";

export type { Render };
export type ViewKind = Exclude<Traits["kind"], "player">;

export const views: Record<ViewKind, Render> = {
  result: styled(renderResult),
  home: styled(renderHome),
  list: styled((root, source) => renderHome(root, source, "")),
  person: styled(renderLookUp),
  mosaic: styled(renderMosaic),
};
