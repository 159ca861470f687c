import { useMutation, useQuery, useQueryClient } from "@tanstack/preact-query";
import { type PushState, pushState, turnPushOff, turnPushOn } from "../../api/push";
import { t } from "../../lib/text";
import { Choices } from "../../ui/Field";
import { announce, Failure } from "../../ui/feedback";

const STATES = ["on", "off"] as const;
const key = ["push"];

/** The switch by which this device shows what concerns the member, also while the app is closed. */
export function PushSetting() {
  const client = useQueryClient();
  const { data: state } = useQuery({ queryKey: key, queryFn: pushState, staleTime: 0 });
  const turn = useMutation({
    mutationFn: (wanted: "on" | "off") => (wanted === "on" ? turnPushOn() : turnPushOff()),
    onSuccess: (now, wanted) => {
      client.setQueryData<PushState>(key, now);
      if (now === wanted) announce(t.common.saved);
    },
  });
  if (state === undefined) return null;
  const possible = state === "on" || state === "off";
  return (
    <section class="panel stack">
      {possible ? (
        <Choices
          legend={t.settings.push.name}
          value={turn.isPending ? turn.variables : state}
          options={STATES.map((name) => [name, t.settings.push.states[name]] as const)}
          onValue={(wanted) => turn.mutate(wanted)}
        />
      ) : (
        <h2>{t.settings.push.name}</h2>
      )}
      <p class="small soft">{possible ? t.settings.push.hint : t.settings.push[state]}</p>
      <Failure error={turn.error} />
    </section>
  );
}
