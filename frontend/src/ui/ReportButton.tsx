import { useMutation } from "@tanstack/preact-query";
import { useEffect, useRef, useState } from "preact/hooks";
import { ReportDraft, ReportReason } from "../api/limits.gen";
import { makeReport } from "../api/safety";
import type { ReportReason as Reason, ReportSubject } from "../api/types";
import { t } from "../lib/text";
import { check } from "../lib/validate";
import { Button } from "./Button";
import { TextArea } from "./Field";
import { announce, Failure } from "./feedback";
import { useSession } from "./hooks";
import "./details.css";

/** Reports a quest, a message or a member in two taps: this button, then the reason. Not for visitors. */
export function ReportButton({ subject, ownerId }: { subject: ReportSubject; ownerId: string | undefined }) {
  const { session } = useSession();
  const [state, setState] = useState<"closed" | "open" | "sent">();
  const [words, setWords] = useState("");
  const place = useRef<HTMLElement>(null);
  const tried = useRef<{ reason: Reason; words: string; key: string }>();
  const report = useMutation({
    mutationFn: (reason: Reason) => {
      const text = words.trim();
      // The same report once more, after an answer that was lost, is the same report.
      if (tried.current?.reason !== reason || tried.current.words !== text)
        tried.current = { reason, words: text, key: crypto.randomUUID() };
      return makeReport(subject, reason, text, tried.current.key);
    },
    onSuccess: () => {
      setState("sent");
      announce(t.report.sent);
    },
  });
  // What was pressed is gone: the focus goes to what came in its place.
  useEffect(() => {
    if (state) place.current?.querySelector<HTMLElement>(state === "closed" ? "button" : "[tabindex]")?.focus();
  }, [state]);
  if (!session || session.userId === ownerId) return null;
  const error = check({ words }, { words: ReportDraft.words }).words;
  if (state === "sent")
    return (
      <section class="small" ref={place}>
        <p tabIndex={-1}>
          {t.report.sent} <a href="/reports">{t.report.follow}</a>
        </p>
      </section>
    );
  if (state === "open")
    return (
      <section
        class="panel stack report"
        ref={place}
        aria-label={t.report.title[subject.kind]}
        onKeyDown={(event) => event.key === "Escape" && setState("closed")}
      >
        <p class="heading" tabIndex={-1}>
          {t.report.title[subject.kind]}
        </p>
        <p class="small soft">{t.report.ask}</p>
        <div class="reasons">
          {ReportReason.map((reason) => (
            <Button
              key={reason}
              variant="quiet"
              busy={report.isPending && report.variables === reason}
              onClick={() => !error && !report.isPending && report.mutate(reason)}
            >
              {t.report.reason[reason]}
            </Button>
          ))}
        </div>
        <TextArea
          label={t.report.words}
          optional
          rule={ReportDraft.words}
          value={words}
          error={error}
          onValue={setWords}
        />
        <Failure error={report.error} />
        <div class="row">
          <Button variant="plain" onClick={() => setState("closed")}>
            {t.common.cancel}
          </Button>
        </div>
      </section>
    );
  return (
    <section class="row" ref={place}>
      <Button variant="plain" onClick={() => setState("open")}>
        {t.report.name}
      </Button>
    </section>
  );
}
