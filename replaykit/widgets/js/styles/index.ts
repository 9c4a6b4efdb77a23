/** The stylesheet of a player, put inside its shadow root; `views.ts` adds that of the others. */

import parts from "./parts.css";
import player from "./player.css";
import table from "./table.css";
import tokens from "./tokens.css";

export const styles = [tokens, parts, table, player].join("\n");
