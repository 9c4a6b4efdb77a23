// What the recorded page shows: the same function looks at both players.
() => {
  const text = (node) => {
    if (node.nodeType === 3) return node.data;
    if (node.nodeType !== 1) return "";
    if (node.tagName === "STYLE" || node.tagName === "META") return "";
    const own = [...node.attributes]
      .map(({ name, value }) => {
        const words = name === "class"
          ? value.split(" ").filter((word) => word && word !== ":hover" && word !== "rrweb-paused").join(" ")
          : value;
        return name === "value" || words === "" ? "" : `${name}=${words}`;
      })
      .filter(Boolean).sort().join(" ");
    const state = "value" in node ? ` [${node.value}]` : "";
    return `<${node.tagName} ${own}${state} ${node.scrollTop}>${[...node.childNodes].map(text).join("")}`;
  };
  return text(document.documentElement);
}
