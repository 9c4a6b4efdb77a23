/** Styles of all but the player; put beside its own. */

import chart from "./chart.css";
import home from "./home.css";
import lookup from "./lookup.css";
import microscope from "./microscope.css";
import mosaic from "./mosaic.css";

export const viewStyles = [chart, microscope, home, lookup, mosaic].join("\n");
