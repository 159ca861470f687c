import { render } from "preact";
import { loadConfig } from "./api/config";
import { App } from "./app/App";
import { StartFailure } from "./app/StartFailure";
import { takeOver } from "./app/takeOver";
import { bringLanguage, browserLanguage, chosenLanguage, turnDocument } from "./lib/text";
import { applyTheme } from "./lib/theme";
import { serviceWorkerUrl } from "./lib/trusted";
import "./ui/base.css";
import "./ui/controls.css";
import "./ui/quests.css";
import "./ui/feedback.css";

const root = document.getElementById("app");
if (!root) throw new Error("index.html has no #app");

applyTheme();
// A catalogue that does not load leaves the app in English.
const words = bringLanguage(chosenLanguage() ?? browserLanguage()).catch(() => undefined);
const ready = loadConfig();
Promise.all([ready, words, takeOver(root, ready)]).then(
  () => {
    root.replaceChildren();
    turnDocument();
    render(<App />, root);
  },
  () => render(<StartFailure />, root),
);

if (import.meta.env.PROD && "serviceWorker" in navigator) {
  window.addEventListener("load", () => navigator.serviceWorker.register(serviceWorkerUrl()));
}
