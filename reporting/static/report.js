(function () {
  "use strict";
  // One view per figure. Colours are CSS variables, so dark mode and print need no second drawing.
  for (const box of document.querySelectorAll("[data-chart]")) {
    const specification = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    vegaEmbed(box, specification, { renderer: "svg", actions: false, defaultStyle: false }).then(
      function () { box.dataset.drawn = "yes"; },
      function (problem) { box.dataset.drawn = "no"; console.error(box.dataset.chart, problem); }
    );
  }
  // Tables behind the charts are printed open.
  window.addEventListener("beforeprint", function () {
    for (const d of document.querySelectorAll("details")) { d.dataset.was = d.open ? "1" : ""; d.open = true; }
  });
  window.addEventListener("afterprint", function () {
    for (const d of document.querySelectorAll("details")) { d.open = d.dataset.was === "1"; }
  });
})();
