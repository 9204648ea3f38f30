// SPDX-License-Identifier: MIT
// Scores of the search: those of Sphinx for titles and words of pages; objects of the API are below.
var Scorer = {
  objNameMatch: 4,
  objPartialMatch: 1,
  objPrio: { 0: 0, 1: 0, 2: 0 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
