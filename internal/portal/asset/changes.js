// Says while typing what would be saved, fills in what follows from a pick, and asks before typed text is left behind.
export function changes(form) {
  const line = form.querySelector("[data-changes]");
  const controls = [...form.querySelectorAll("input[name]:not([type=hidden]), select[name], textarea[name]")];
  const norm = (s) => s.replace(/\r\n/g, "\n").trim();
  const shown = new Map(controls.map((c) => [c, original(form, c)]));
  const label = (c) => form.querySelector(`label[for="${CSS.escape(c.id || c.dataset.input)}"]`).firstChild.textContent.trim();
  const comma = document.documentElement.lang === "ar" ? "، " : ", ";
  let leaving = false;

  const changed = () => controls.filter((c) => norm(c.value) !== norm(shown.get(c)));
  const say = () => {
    const names = changed().map(label);
    const text = names.length === 0 ? line.dataset.none : names.length === 1 ? line.dataset.single : line.dataset.many;
    line.textContent = text.replace("%s", names.join(comma));
    line.classList.toggle("on", names.length > 0);
  };
  form.addEventListener("input", (e) => { count(e.target); say(); });
  form.addEventListener("change", (e) => { follow(form, e.target); say(); });
  form.addEventListener("submit", () => { leaving = true; });
  addEventListener("pageshow", say);
  addEventListener("beforeunload", (e) => { if (!leaving && changed().length > 0) e.preventDefault(); });
  form.querySelectorAll("a.button").forEach((a) => a.addEventListener("click", () => { leaving = true; }));
  say();
}

// original is what the directory said, as the control would show it; a form that came back with errors already holds other text.
function original(form, control) {
  const was = form.querySelector(`input[name="${CSS.escape("was." + control.name)}"]`);
  if (!was) return control.defaultValue ?? "";
  let value = null;
  try { value = JSON.parse(was.value); } catch { return control.value; }
  if (value === null) return "";
  if (Array.isArray(value)) return value.join("\n");
  if (control.type === "date") return String(value).slice(0, 10);
  return String(value);
}

function follow(form, select) {
  if (!select.dataset || !select.dataset.follows) return;
  const values = JSON.parse(select.dataset.follows)[select.value];
  for (const [name, text] of Object.entries(values ?? {})) {
    const other = form.elements.namedItem(name);
    if (other && "value" in other) other.value = text;
  }
}

// count shows how much room is left when it gets tight; the server decides either way.
function count(control) {
  const max = Number(control.dataset?.max);
  if (!max) return;
  const used = [...control.value].length;
  let line = control.parentElement.querySelector(".count");
  if (used < max * 0.8) { line?.remove(); return; }
  if (!line) {
    line = document.createElement("p");
    line.setAttribute("role", "status");
    control.after(line);
  }
  line.className = used > max ? "help count over" : "help count";
  line.textContent = used + " / " + max;
}
