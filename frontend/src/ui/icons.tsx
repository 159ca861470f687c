/** Line icons on a grid of 24, drawn for this app. All are decorative: the text beside them carries the meaning. */
const PATHS = {
  civic: "M4 20h16M6 20v-8M10 20v-8M14 20v-8M18 20v-8M3.5 12h17M12 4l8 5H4z",
  environment: "M5 19c0-9 5-14 15-14 0 9-4 14-11 14a5 5 0 0 1-4-2M5 19c2-5 5-7 9-9",
  social:
    "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6M16.5 12a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5M2.5 19a5.5 5.5 0 0 1 11 0M15 15.2a4.6 4.6 0 0 1 6.5 3.8",
  education: "M12 6c-2-1.6-5-2-8-2v14c3 0 6 .4 8 2 2-1.6 5-2 8-2V4c-3 0-6 .4-8 2M12 6v14",
  technical: "M14.5 6.5a4.5 4.5 0 0 0-6 5.6L3.5 17a2.1 2.1 0 0 0 3 3l5-5a4.5 4.5 0 0 0 5.6-6l-2.7 2.7-2.6-.4-.4-2.6z",
  other: "M12 3v4M12 17v4M3 12h4M17 12h4M6 6l2.5 2.5M15.5 15.5 18 18M18 6l-2.5 2.5M8.5 15.5 6 18",
  discover: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14M16 16l4.5 4.5",
  mine: "M9 4h6v3H9zM9 5.5H6V20h12V5.5h-3M9 12h6M9 16h4",
  create: "M12 5v14M5 12h14",
  me: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4.5 20a7.5 7.5 0 0 1 15 0",
  bell: "M6.5 16V11a5.5 5.5 0 0 1 11 0v5l1.5 2h-14zM10 20.5a2 2 0 0 0 4 0",
  alert: "M12 8v5M12 16.5v.1M12 3 2.5 20h19z",
  check: "M5 12.5l4.5 4.5L19 7.5",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M12 7v5l3 2",
  close: "M6 6l12 12M18 6 6 18",
  back: "M14.5 5.5 8 12l6.5 6.5",
  place: "M12 21c4-5 6.5-8 6.5-11.5a6.5 6.5 0 0 0-13 0C5.5 13 8 16 12 21M12 11.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The seal of two halves: left is the requestor's word, right the performer's; whole when both are given. */
export function Seal({ requestor = false, performer = false }: { requestor?: boolean; performer?: boolean }) {
  return (
    <svg class={`seal${requestor && performer ? " whole" : ""}`} viewBox="0 0 48 48" aria-hidden="true">
      <path class={requestor ? "left given" : "left"} d="M24 4a20 20 0 0 0 0 40V30a6 6 0 1 0 0-12z" />
      <path class={performer ? "right given" : "right"} d="M24 4a20 20 0 0 1 0 40V30a6 6 0 1 0 0-12z" />
    </svg>
  );
}
