/** What jsdom does not have: it lays nothing out, so there is nowhere to scroll to. */
Element.prototype.scrollIntoView = () => {};
window.scrollTo = () => {};
window.matchMedia = (query) =>
  Object.assign(new EventTarget(), {
    matches: false,
    media: query,
    onchange: null,
    addListener: () => {},
    removeListener: () => {},
  });
