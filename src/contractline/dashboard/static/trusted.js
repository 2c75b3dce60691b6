// Every text of the data is put into the page as text. This makes sure of it: an attempt to set
// markup throws. ECharts clears its container with an empty string, which is let through.
if (window.trustedTypes) {
  window.trustedTypes.createPolicy("default", {
    createHTML: (text) => {
      if (text === "" || text === "null") return "";
      throw new TypeError("markup is not allowed on this page");
    },
  });
}
