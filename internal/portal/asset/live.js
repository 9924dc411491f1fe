// Search as you type: what the form would show is fetched from its own address and put in place of what is there. The box keeps the
// focus, the address bar says the same as the page, and the count is read out. ready is told the new part. Without this module the form's button does it.
export function live(form, ready) {
  const id = form.dataset.live;
  const says = document.querySelector(`[data-count="${id}"]`);
  let wait = 0;
  let under = null;

  const address = () => {
    const q = new URLSearchParams();
    for (const [k, v] of new FormData(form)) if (v !== "") q.append(k, v);
    const url = new URL(form.action);
    url.search = q;
    return url;
  };
  const show = () => {
    const url = address();
    const here = document.getElementById(id);
    under?.abort();
    under = new XMLHttpRequest(); // it reads a page without a parser that the security policy closes
    under.open("GET", url);
    under.responseType = "document";
    under.onload = function () {
      const next = this.response?.getElementById(id);
      if (this !== under) return;
      if (!next || this.status !== 200) { here.removeAttribute("aria-busy"); return; }
      here.replaceWith(document.adoptNode(next));
      ready(next);
      history.replaceState(null, "", url);
      says.textContent = (next.querySelector("[data-says]") ?? next).textContent.trim();
    };
    under.onerror = () => here.removeAttribute("aria-busy");
    here.setAttribute("aria-busy", "true");
    under.send();
  };
  form.addEventListener("input", (e) => {
    if (e.target.name === "filter") return; // a filter is written first and then tried
    clearTimeout(wait);
    wait = setTimeout(show, 250);
  });
  form.addEventListener("submit", () => clearTimeout(wait));
}
