// SPDX-License-Identifier: MIT
// Events that reached no destination: looked at, sent again, or given up for good.

import * as api from "./api.js";
import { ask, button, dateTime, h } from "./dom.js";
import { pretty } from "./json.js";

export const title = () => "Dead events";
export const load = (params) => api.dead(params.token);

const page = (token) => { location.hash = token ? `#/dead?${new URLSearchParams({ token })}` : "#/dead"; };

export function view({ deliveries, nextToken }, params, { state, act }) {
  const total = Math.max(state.deliveries_dead, deliveries.length);
  if (!total) {
    return h("p", { className: "empty panel" }, "Every event has reached its destination, or is still on its way.");
  }
  const purge = async () => {
    if (await ask(`Forget all ${total} event(s) for good?`, "Forget all")) await act(api.purgeDead);
  };
  return h("div", {},
    h("div", { className: "row panel" },
      h("span", { className: "grow" }, `${total} event(s) were given up${total > deliveries.length ? `, ${deliveries.length} of them are shown` : ""}. Correct what the error says, then send them again.`),
      button("Send all again", () => act(api.redriveAll), "primary"), button("Forget all…", purge, "danger")),
    h("div", { className: "scroll" }, h("table", {},
      h("thead", {}, h("tr", {}, ["Since", "From", "On", "Destination", "Tries", "Error", ""].map((name) => h("th", {}, name)))),
      h("tbody", {}, deliveries.map((one) => h("tr", { "data-key": `row-${one.requestId}` },
        h("td", {}, dateTime(one.createdTime)),
        h("td", {}, h("a", { href: `#/tasks/${encodeURIComponent(one.function)}/${encodeURIComponent(one.taskId)}` }, one.function)),
        h("td", {}, one.outcome),
        h("td", { className: "id mono" }, one.destination.replace(/^acs:/, "")),
        h("td", { className: "num" }, one.tries),
        h("td", {}, one.error, event(one)),
        h("td", {}, h("div", { className: "row" },
          button("Send again", () => act(() => api.redrive(one.requestId)), "small"),
          button("Forget", () => act(() => api.discard(one.requestId)), "small danger")))))))),
    h("p", { className: "row" },
      params.token ? button("← Newest", () => page()) : null,
      nextToken ? button("Older →", () => page(nextToken)) : null));
}

function event(one) {
  const details = h("details", {}, h("summary", {}, one.eventEncoding ? `Event (${one.eventEncoding})` : "Event"),
    h("pre", {}, one.eventEncoding ? one.event : pretty(one.event)));
  details.dataset.key = one.requestId;
  return details;
}
