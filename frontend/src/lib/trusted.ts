/** The app's one Trusted Types policy. The CSP refuses every other way into innerHTML and script addresses. */
interface Policy {
  createHTML(html: string): string;
  createScriptURL(url: string): string;
}

declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: Policy): Policy };
  }
}

const SERVICE_WORKER = "/sw.js";

const rules: Policy = {
  createHTML: (html) => html,
  createScriptURL: (url) => {
    if (url !== SERVICE_WORKER) throw new TypeError(`not a script of this page: ${url}`);
    return url;
  },
};

const policy = window.trustedTypes?.createPolicy("civicforge", rules) ?? rules;

/** For fields that services/core/text.py has rendered and cleaned (`descriptionHtml`, `submissionHtml`), nothing else. */
export const sanitisedByServer = (html: string): string => policy.createHTML(html);

export const serviceWorkerUrl = (): string => policy.createScriptURL(SERVICE_WORKER);
