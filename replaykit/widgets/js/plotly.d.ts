// What we use of plotly.js; its own types know no partial bundles.

declare module "plotly.js/lib/core" {
  const Plotly: import("./chart/plotly.ts").Plotly;
  export default Plotly;
}

declare module "plotly.js/lib/bar" {
  const trace: object;
  export default trace;
}

declare module "plotly.js/lib/heatmap" {
  const trace: object;
  export default trace;
}

declare module "plotly.js/lib/icicle" {
  const trace: object;
  export default trace;
}

declare module "plotly.js/lib/sankey" {
  const trace: object;
  export default trace;
}

declare module "plotly.js/lib/sunburst" {
  const trace: object;
  export default trace;
}
