// SPDX-License-Identifier: MIT
// Applies the theme that was chosen before the page is painted: the head waits for this script.

try {
  document.documentElement.dataset.theme = JSON.parse(
    localStorage.getItem("fc-async.theme") ?? '"system"',
  );
} catch {
  // The storage is off, or its text is not ours: the theme of the system applies.
}
