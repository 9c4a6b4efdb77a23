/** The part of plotly.js that our charts need; built into static/plotly.js. */

import bar from "plotly.js/lib/bar";
import Plotly from "plotly.js/lib/core";
import heatmap from "plotly.js/lib/heatmap";
import icicle from "plotly.js/lib/icicle";
import sankey from "plotly.js/lib/sankey";
import sunburst from "plotly.js/lib/sunburst";

Plotly.register([bar, heatmap, icicle, sankey, sunburst]);

export default Plotly;
