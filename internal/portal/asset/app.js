// Comfort on top of pages that work without it. Each part looks for its own mark and does nothing where there is none.
import { changes } from "./changes.js";
import { chips } from "./chips.js";
import { crop } from "./crop.js";
import { selection } from "./list.js";
import { live } from "./live.js";
import { watch } from "./watch.js";

const each = (mark, part) => document.querySelectorAll(mark).forEach(part);

// The summary of what went wrong, or what was saved, is read first.
const first = document.querySelector("[data-focus]");
if (first) first.focus({ preventScroll: false });

each("textarea[data-chips]", chips);
each("form[data-editor]", changes);
each("form[data-photo]", crop);
each("form[data-list]", selection);
each("form[data-live]", (form) => live(form, (part) => part.querySelectorAll("form[data-list]").forEach(selection)));
each("[data-watch]", watch);

// A list of choices that is left by hand is applied at once; the button is for pages without script.
each("form.switch", (form) => {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.requestSubmit());
});

// A menu closes by Escape and by a click elsewhere.
each("details.menu", (menu) => {
  document.addEventListener("click", (e) => { if (!menu.contains(e.target)) menu.open = false; });
  menu.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
  });
});

// A button that was pressed says so. The server takes a double click as one change either way.
each("button[data-busy]", (button) => {
  button.form.addEventListener("submit", (e) => {
    if (e.defaultPrevented) return;
    if (button.getAttribute("aria-disabled") === "true") { e.preventDefault(); return; }
    button.setAttribute("aria-disabled", "true");
    button.dataset.label = button.textContent;
    button.textContent = button.dataset.busy;
  });
});
addEventListener("pageshow", (e) => {
  if (e.persisted) each("button[data-busy][aria-disabled]", (b) => { b.removeAttribute("aria-disabled"); b.textContent = b.dataset.label; });
});

// Text to take along: a button that copies it, from a text area or from what is shown.
const copies = (from, words) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-s";
  button.textContent = words.copy;
  button.addEventListener("click", async () => {
    const text = from.value ?? from.textContent;
    try { await navigator.clipboard.writeText(text); } catch { getSelection().selectAllChildren(from); from.select?.(); document.execCommand("copy"); }
    button.textContent = words.copied;
  });
  from.after(button);
};
each("[data-copy]", (from) => copies(from, from.dataset));

// A link to a question opens it above the page; without script it is the target of the link. Escape and Cancel close it, and
// the browser brings the focus back.
each("a[data-opens]", (link) => {
  const dialog = document.getElementById(link.dataset.opens);
  link.addEventListener("click", (e) => { e.preventDefault(); dialog.showModal(); });
  dialog.querySelectorAll("[data-close]").forEach((b) => b.addEventListener("click", (e) => { e.preventDefault(); dialog.close(); }));
});

// A letter that goes out as it was completed here.
each("a[data-letter]", (link) => {
  const area = document.getElementById(link.dataset.letter);
  area.addEventListener("input", () => {
    link.href = link.href.replace(/&body=.*$/, "&body=" + encodeURIComponent(area.value.replace(/\r?\n/g, "\r\n")));
  });
});

// Times in the reader's own zone.
each("time[data-clock]", (time) => {
  const at = new Date(time.dateTime);
  if (!isNaN(at)) time.textContent = new Intl.DateTimeFormat(document.documentElement.lang + "-u-nu-latn", { hour: "2-digit", minute: "2-digit" }).format(at);
});
