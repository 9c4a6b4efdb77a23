/** The whole stylesheet of a widget, put inside its shadow root. */

import chart from "./chart.css";
import home from "./home.css";
import microscope from "./microscope.css";
import parts from "./parts.css";
import player from "./player.css";
import table from "./table.css";
import tokens from "./tokens.css";

export const styles = [tokens, parts, table, player, chart, microscope, home].join("\n");
