import { useMutation } from "@tanstack/preact-query";
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../lib/text";
import { Button } from "./Button";
import { Failure } from "./feedback";

interface Props {
  name: string;
  ask: string;
  confirm: string;
  variant?: "danger" | "plain";
  run: () => unknown;
}

/** A button whose effect is asked for once more, in place. */
export function ConfirmButton({ name, ask, confirm, variant = "danger", run }: Props) {
  const [asked, setAsked] = useState<boolean>();
  const place = useRef<HTMLFieldSetElement>(null);
  const mutation = useMutation({ mutationFn: async () => run(), onSuccess: () => setAsked(false) });
  // What was pressed is gone: the focus goes to the question, and back to the button.
  useEffect(() => {
    if (asked === undefined) return;
    place.current?.querySelector<HTMLElement>(asked ? "p" : "button")?.focus({ preventScroll: true });
    place.current?.scrollIntoView({ block: "nearest" });
  }, [asked]);
  return (
    <fieldset class="stack tight" ref={place}>
      <legend class="visually-hidden">{name}</legend>
      {asked && <p tabIndex={-1}>{ask}</p>}
      {asked && <Failure error={mutation.error} />}
      <div class="row">
        {asked ? (
          <>
            <Button variant="danger" busy={mutation.isPending} onClick={() => mutation.mutate()}>
              {confirm}
            </Button>
            <Button variant="plain" onClick={() => setAsked(false)}>
              {t.common.cancel}
            </Button>
          </>
        ) : (
          <Button variant={variant} onClick={() => setAsked(true)}>
            {name}
          </Button>
        )}
      </div>
    </fieldset>
  );
}
