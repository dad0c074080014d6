// What all parts of the page use of the page itself.

export const $ = (id) => document.getElementById(id);

let remedy = null;

// Tell of a trouble; `then` is done when the user has read it.
export function trouble(what, fix = "", then = null) {
  $("trouble-what").textContent = what;
  $("trouble-fix").textContent = fix;
  $("trouble").hidden = false;
  remedy = then;
}

export function forgive() {
  $("trouble").hidden = true;
  const then = remedy;
  remedy = null;
  return then;
}

export function selectTab(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const selected = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
    $(tab.getAttribute("aria-controls")).hidden = !selected;
  }
  document.dispatchEvent(new CustomEvent("tab", { detail: name }));
}
