// What a page needs in width, and text whose contrast with what is behind it is below 3 to 1 (WCAG: 4.5, large text 3).
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const seen = new Map();
  const colour = (css) => {
    if (!seen.has(css)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = css;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, alpha] = canvas.getImageData(0, 0, 1, 1).data;
      seen.set(css, { rgb: [r, g, b], alpha: alpha / 255 });
    }
    return seen.get(css);
  };
  const over = (top, below) => below.map((value, n) => value * (1 - top.alpha) + top.rgb[n] * top.alpha);
  const behind = (element) => {
    if (!element) return colour(getComputedStyle(document.documentElement).getPropertyValue("--pst-color-background")).rgb;
    const own = colour(getComputedStyle(element).backgroundColor);
    return own.alpha === 1 ? own.rgb : over(own, behind(element.parentElement));
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const pale = new Set();
  const texts = document.createTreeWalker(document.querySelector("main") ?? document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const words = texts.currentNode.textContent.trim();
    if (!words || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (["SCRIPT", "STYLE", "NOSCRIPT", "OPTION"].includes(element.tagName)) continue;
    const ground = behind(element);
    const [dark, bright] = [light(ground), light(over(colour(getComputedStyle(element).color), ground))].sort((a, b) => a - b);
    if ((bright + 0.05) / (dark + 0.05) < 3) pale.add(`${element.tagName}.${element.className}: ${words.slice(0, 40)}`);
  }
  return { needed: document.documentElement.scrollWidth, pale: [...pale].slice(0, 5) };
}
