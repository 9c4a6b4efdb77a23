/* The shop's pictures: flat drawings of 200 by 200, coloured by the tint's variables.
   a = body, b = shade, c = light, d = dark detail. */

const ART = {
  duvet: `<path class="b" d="M22 84h156v74H22z"/><path class="d" d="M18 70h10v98H18zM172 92h10v76h-10z"/><rect class="c" x="34" y="66" width="46" height="26" rx="12"/><path class="a" d="M30 92c30-12 52-8 78-4s46 2 66 8v58c-46-8-96-2-144 0z"/><path class="l" d="M52 100c20 18 16 36 8 52M96 96c20 16 18 34 12 54M140 98c14 14 16 34 10 52"/>`,
  sheet: `<path class="b" d="M40 62h120v22H40z"/><path class="a" d="M36 84h128v26H36z"/><path class="c" d="M40 110h120v24H40z"/><path class="a" d="M36 134h128v26H36z"/><path class="l" d="M36 97h128M40 122h120M36 147h128M64 62v98"/>`,
  blanket: `<path class="a" d="M44 48h112v96H44z"/><path class="b" d="M44 84h112v18H44zM44 116h112v8H44zM44 60h112v6H44z"/><path class="l" d="M48 144v18m10-18v18m10-18v18m10-18v18m10-18v18m10-18v18m10-18v18m10-18v18m10-18v18m10-18v18m10-18v18"/>`,
  pillow: `<path class="b" d="M34 66c40 14 92 14 132 0 10 30 10 56 0 84-40-12-92-12-132 0-10-28-10-54 0-84z"/><path class="a" d="M42 58c38 12 80 12 116 0 10 28 10 52 0 78-36-12-78-12-116 0-10-26-10-50 0-78z"/><path class="l" d="M52 66c8 10 14 14 24 16M148 66c-8 10-14 14-24 16M52 128c8-8 14-10 24-12M148 128c-8-8-14-10-24-12"/>`,
  towel: `<path class="d" d="M30 46h140v6H30z"/><path class="a" d="M56 48h88v112H56z"/><path class="b" d="M56 48h30v100H56zM56 134h88v10H56z"/><path class="l" d="M70 60v70M84 60v70M98 60v70M112 60v70M126 60v70M58 74h84M58 92h84M58 110h84"/>`,
  mat: `<ellipse class="b" cx="100" cy="122" rx="78" ry="34"/><ellipse class="a" cx="100" cy="116" rx="78" ry="34"/><ellipse class="l" cx="100" cy="116" rx="62" ry="25"/><ellipse class="l" cx="100" cy="116" rx="44" ry="16"/><ellipse class="l" cx="100" cy="116" rx="24" ry="8"/>`,
  soap: `<rect class="b" x="38" y="118" width="66" height="40" rx="8"/><rect class="a" x="98" y="114" width="66" height="44" rx="8"/><rect class="c" x="66" y="74" width="68" height="42" rx="8"/><path class="l" d="M80 88h40M80 98h28M112 130h38M52 132h36"/><circle class="c" cx="150" cy="62" r="9"/><circle class="c" cx="166" cy="82" r="5"/>`,
  stool: `<path class="d" d="M56 92l-14 72h12l16-72zM144 92l14 72h-12l-16-72z"/><path class="b" d="M58 126h84v8H58z"/><rect class="a" x="38" y="76" width="124" height="20" rx="6"/><path class="l" d="M46 84h108"/><path class="c" d="M72 58h52v18H72z"/><path class="b" d="M72 66h52v4H72z"/>`,
  mug: `<path class="b" d="M138 84h14c26 0 26 52-8 52h-8v-14h8c14 0 14-24 4-24h-10z"/><path class="a" d="M50 66h92v74c0 14-10 22-22 22H72c-12 0-22-8-22-22z"/><path class="c" d="M50 66h92v22c-30 10-62-6-92 4z"/><path class="d" d="M66 110h3v3h-3zm18 20h3v3h-3zm20-16h3v3h-3zm16 24h3v3h-3zm-50 12h3v3h-3zm56-44h3v3h-3z"/>`,
  bowl: `<path class="a" d="M26 92h148c0 40-26 66-54 68H80c-28-2-54-28-54-68z"/><ellipse class="b" cx="100" cy="92" rx="74" ry="18"/><circle class="o" cx="78" cy="82" r="17"/><circle class="g" cx="108" cy="78" r="18"/><circle class="o" cx="132" cy="86" r="13"/><path class="a" d="M28 96c40 18 104 18 144 0v10H30z"/>`,
  apron: `<path class="l" d="M74 44c-12-20 64-20 52 0M58 86H34M142 86h24"/><path class="a" d="M74 44h52l4 38c6 8 14 10 20 12v68H50V94c6-2 14-4 20-12z"/><path class="b" d="M72 110h56v34H72z"/><path class="l" d="M100 110v34M74 54h52"/>`,
  board: `<path class="a" d="M38 56h104v96H38z"/><path class="b" d="M38 152h104v10H38z"/><path class="a" d="M142 92h30c10 0 10 22 0 22h-30z"/><circle class="c" cx="164" cy="103" r="5"/><path class="l" d="M50 68h80v72H50zM64 56v96M92 56v96M120 56v96"/><path class="g" d="M76 92c12-14 34-10 40 4-10 12-32 12-40-4z"/>`,
  pendant: `<path class="d" d="M98 20h4v38h-4z"/><path class="a" d="M70 58h60l34 76H36z"/><path class="b" d="M70 58h14l-22 76H36zM116 58h14l34 76h-26z"/><path class="l" d="M78 58l-20 76M90 58l-8 76M100 58v76M110 58l8 76M122 58l20 76"/><ellipse class="o" cx="100" cy="136" rx="26" ry="7"/>`,
  lamp: `<ellipse class="d" cx="84" cy="160" rx="42" ry="8"/><path class="a" d="M80 70h8v90h-8z"/><path class="a" d="M84 66l46-20 4 8-46 22z"/><path class="b" d="M116 34l40 18-8 30-50-22z"/><ellipse class="o" cx="122" cy="72" rx="27" ry="8" transform="rotate(24 122 72)"/>`,
  candle: `<rect class="b" x="44" y="92" width="44" height="70" rx="4"/><rect class="a" x="92" y="72" width="54" height="90" rx="5"/><ellipse class="c" cx="119" cy="74" rx="27" ry="7"/><ellipse class="c" cx="66" cy="93" rx="22" ry="6"/><path class="o" d="M119 34c14 18 10 32 0 34-10-2-14-16 0-34zM66 60c10 14 8 24 0 26-8-2-10-12 0-26z"/>`,
  lantern: `<path class="l" d="M76 52c0-32 48-32 48 0"/><path class="b" d="M62 52h76l10 20H52z"/><path class="a" d="M58 72h84v82H58z"/><path class="c" d="M68 80h64v66H68z"/><path class="o" d="M100 96c12 16 8 28 0 30-8-2-12-14 0-30z"/><path class="a" d="M92 126h16v20H92zM98 80h4v10h-4z"/><path class="b" d="M50 154h100v10H50z"/>`,
  rug: `<path class="a" d="M40 46h120l20 110H20z"/><path class="b" d="M38 62h124l4 18H34zM30 104h140l3 18H27z"/><path class="l" d="M24 156l-4 12m22-12l-2 12m22-12l-1 12m21-12v12m20-12v12m20-12l1 12m19-12l2 12m18-12l4 12M44 46l-2-10m24 10l-1-10m25 10v-10m24 10v-10m24 10l2-10"/>`,
  cushion: `<path class="a" d="M46 54c36 8 72 8 108 0 8 36 8 70 0 104-36-8-72-8-108 0-8-34-8-68 0-104z"/><path class="l" d="M60 76c8-8 14 8 22 0s14 8 22 0 14 8 22 0 12 6 18 0M58 100c8-8 14 8 22 0s14 8 22 0 14 8 22 0 14 6 20 0M60 124c8-8 14 8 22 0s14 8 22 0 14 8 22 0 12 6 18 0"/>`,
  curtain: `<path class="d" d="M24 38h152v6H24z"/><path class="b" d="M70 44h60v122H70z"/><path class="a" d="M32 44h60c0 44-10 76-28 122H32zM168 44h-60c0 44 10 76 28 122h32z"/><path class="l" d="M46 44v122M60 44c0 60-4 90-8 122M76 44c-2 50-6 70-12 100M154 44v122M140 44c0 60 4 90 8 122M124 44c2 50 6 70 12 100"/>`,
  throw: `<path class="d" d="M40 92h120v70h-12v-16H52v16H40z"/><path class="c" d="M46 70h108v40H46z"/><path class="a" d="M84 52h58c8 0 10 6 10 14v86h-14l-6-10-8 10-8-10-8 10-8-10-8 10-8-10z"/><path class="b" d="M108 52h12v92h-12z"/>`,
  robe: `<path class="d" d="M98 26h4v14h-4z"/><path class="a" d="M72 42h56l36 62-22 14-10-16v62H68v-62l-10 16-22-14z"/><path class="b" d="M84 42l16 54 16-54h12l-20 62v60H92v-60L72 42z"/><path class="d" d="M66 104h68v9H66zM104 112h8l6 34h-8z"/>`,
  pyjamas: `<path class="a" d="M66 34h50l28 40-16 12-10-12v30H64V74L54 86 38 74z"/><path class="b" d="M78 34l13 16 13-16z"/><path class="l" d="M91 50v54"/><path class="a" d="M86 112h58l8 54h-24l-12-40-12 40H80z"/><path class="b" d="M86 112h58v8H86z"/>`,
  cardigan: `<path class="a" d="M68 42h64l36 34-8 76-20-2 2-52v66H58V98l2 52-20 2-8-76z"/><path class="b" d="M80 42h8l12 60 12-60h8l-16 66v56h-8v-56z"/><path class="c" d="M97 118h6v6h-6zm0 18h6v6h-6z"/><path class="l" d="M58 152h84M64 126h24M112 126h24"/>`,
  slippers: `<path class="b" d="M22 132c0-24 20-38 44-30l40 22c10 6 8 24-6 24H34c-8 0-12-6-12-16z"/><path class="c" d="M30 124c4-14 18-20 32-14l-8 20H30z"/><path class="a" d="M82 116c0-24 20-38 44-30l44 24c12 8 8 26-6 26H94c-8 0-12-8-12-20z"/><path class="c" d="M90 108c4-14 18-20 34-14l-8 22H90z"/><path class="d" d="M84 130h94c-2 6-6 8-14 8H94c-6 0-9-2-10-8z"/>`,
};

/** The drawing of a product, as SVG source. */
export function art(name, tint) {
  return `<svg class="art t-${tint}" viewBox="0 0 200 200" aria-hidden="true"><ellipse class="f" cx="100" cy="168" rx="74" ry="7"/>${ART[name]}</svg>`;
}

/** The still life on the home page. */
export const SCENE = `<svg class="scene" viewBox="0 0 640 520" preserveAspectRatio="xMidYMid slice" aria-hidden="true"><path fill="#e7dccb" d="M0 0h640v520H0z"/><path fill="#f3ebdd" d="M70 40h220v270H70z"/><path fill="#cfdccb" d="M84 54h92v120H84zM184 54h92v120h-92zM84 182h92v114H84zM184 182h92v114h-92z"/><path fill="#aebf9f" d="M84 150c30-30 60-10 92 24H84zM184 140c40-30 70 0 92 34h-92z"/><circle fill="#f4d9a0" cx="246" cy="86" r="20"/><path fill="#d8c7ae" d="M0 400h640v120H0z"/><path fill="#b98a63" d="M300 330h290v16H300z"/><path fill="#9c7150" d="M318 346h14v130h-14zM558 346h14v130h-14z"/><path fill="#3b4a3f" d="M470 40h4v70h-4z"/><path fill="#faf6ee" d="M440 110h64l40 74H400z"/><path fill="#e9dfce" d="M440 110h16l-26 74h-30zM488 110h16l40 74h-30z"/><ellipse fill="#f0c674" cx="472" cy="186" rx="32" ry="8"/><path fill="#c4623a" d="M352 262h64c0 40-8 68-32 68s-32-28-32-68z"/><path fill="#a94f2d" d="M352 262h64v10h-64z"/><path fill="#5c7a5a" d="M380 262c-40-30-44-66-30-92 22 20 34 50 34 92zM386 262c-6-44 8-84 36-104 10 36-4 76-32 104zM376 262c-24-12-54-12-70 2 20 14 48 12 70-2z"/><path fill="#eadfcf" d="M476 282h62v34c0 10-6 14-14 14h-34c-8 0-14-4-14-14z"/><path fill="#d9cab3" d="M476 282h62v12c-20 6-42-4-62 2z"/><path fill="none" stroke="#eadfcf" stroke-width="8" d="M538 294c22-4 22 26 0 24"/><path fill="#7d8f74" d="M30 360c70-26 150-26 220 0v100H30z"/><path fill="#94a58a" d="M46 330c20-14 66-14 84 0l10 60H36z"/><path fill="#d99f7e" d="M140 336c20-12 62-12 80 0l8 56h-96z"/><path fill="#6b7d63" d="M20 400h240v70H20z"/><path fill="#4d5d48" d="M34 470h14v26H34zM232 470h14v26h-14z"/><path fill="#f3ebdd" d="M150 398h80c6 40 4 70-6 96l-14-10-14 10-16-10-14 10-14-8c4-34 4-60-2-88z"/><path fill="#c4623a" d="M154 414h80v8h-80zM154 432h80v4h-80z"/></svg>`;

const LINES = {
  bag: '<path d="M5 8h14l1 12H4zM9 8V6a3 3 0 0 1 6 0v2"/>',
  person: '<circle cx="12" cy="8" r="4"/><path d="M4 21c1-8 15-8 16 0"/>',
  search: '<circle cx="11" cy="11" r="6"/><path d="M16 16l5 5"/>',
  truck: '<path d="M2 7h12v10H2zM14 10h4l4 4v3h-8"/><circle cx="7" cy="18" r="2"/><circle cx="17" cy="18" r="2"/>',
  leaf: '<path d="M5 19C4 9 10 4 20 4c0 11-6 16-15 15zM5 19l8-8"/>',
  back: '<path d="M4 9h11a5 5 0 0 1 0 10H9M8 5L4 9l4 4"/>',
  lock: '<path d="M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3"/>',
  check: '<path d="M4 13l5 5L20 6"/>',
  alert: '<circle cx="12" cy="12" r="9"/><path d="M12 7v6M12 16v1"/>',
};

/** A line icon of 24 by 24. */
export function icon(name) {
  return `<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">${LINES[name]}</svg>`;
}
