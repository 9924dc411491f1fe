// Work under way is looked at again every second; when its state becomes another, the page is read anew. Without script the page does
// that by itself.
export function watch(part) {
  const again = () => {
    const x = new XMLHttpRequest(); // it reads a page without a parser that the security policy closes
    x.open("GET", location.href);
    x.responseType = "document";
    x.onerror = later;
    x.onload = () => {
      const next = x.response?.getElementById(part.id);
      if (x.status !== 200 || !next) return later();
      if (next.dataset.watch !== part.dataset.watch) return location.reload();
      const here = document.adoptNode(next);
      part.replaceWith(here);
      part = here;
      later();
    };
    x.send();
  };
  const later = () => setTimeout(again, 1000);
  if (part.dataset.watch === "applying") later();
}
