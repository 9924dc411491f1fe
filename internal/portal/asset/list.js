// Selecting rows of a table: all at once, a run of them with Shift, and a line that says how many. What is done with them is the
// form's own buttons.
export function selection(form) {
  const rows = [...form.querySelectorAll("tbody input[type=checkbox]")];
  const all = form.querySelector("thead input[type=checkbox]");
  const line = form.querySelector("[data-selected]");
  const none = line.textContent;
  let last = null;

  const say = () => {
    const n = rows.filter((r) => r.checked).length;
    line.textContent = n === 0 ? none : line.dataset.selected.replace("%s", n.toLocaleString(document.documentElement.lang));
    all.checked = n > 0 && n === rows.length;
    all.indeterminate = n > 0 && n < rows.length;
    form.querySelectorAll("[data-bulk]").forEach((b) => { b.hidden = n === 0; });
  };
  all.closest("label").hidden = false;
  all.addEventListener("change", () => { rows.forEach((r) => { r.checked = all.checked; }); say(); });
  form.querySelector("tbody").addEventListener("click", (e) => {
    const at = rows.indexOf(e.target);
    if (at < 0) return;
    if (e.shiftKey && last !== null) {
      for (let i = Math.min(at, last); i <= Math.max(at, last); i++) rows[i].checked = rows[at].checked;
    }
    last = at;
    say();
  });
  addEventListener("pageshow", say);
  say();
}
