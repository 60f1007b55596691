// Draws the diagrams of a page. Without scripts, a page shows their text.
(() => {
  // The least size of a diagram on a narrow page, which scrolls it: below that its text cannot be read.
  const LEAST = 0.65;
  const diagrams = document.querySelectorAll('pre.mermaid');
  if (!diagrams.length) return;
  const script = document.createElement('script');
  script.src = `${path_to_root}mermaid.tiny.js`;
  script.onload = async () => {
    const dark = ['navy', 'coal', 'ayu'].some((theme) => document.documentElement.classList.contains(theme));
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: 'strict',
      theme: dark ? 'dark' : 'default',
      flowchart: { nodeSpacing: 25, rankSpacing: 30, padding: 8 },
      sequence: { actorMargin: 20 },
    });
    await mermaid.run({ nodes: diagrams });
    for (const drawn of document.querySelectorAll('pre.mermaid svg')) {
      drawn.style.minWidth = `${Math.round(drawn.viewBox.baseVal.width * LEAST)}px`;
    }
  };
  document.head.append(script);
})();
