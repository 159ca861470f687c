import { useMutation, useQuery } from "@tanstack/preact-query";
import { meQuery } from "../../api/queries";
import { block, unblock } from "../../api/safety";
import { t } from "../../lib/text";
import { Button } from "../../ui/Button";
import { ConfirmButton } from "../../ui/ConfirmButton";
import { announce, Failure } from "../../ui/feedback";
import { useSession } from "../../ui/hooks";

/** Keeps a member from claiming the viewer's quests and from writing to them, or lets them again. */
export function BlockButton({ userId }: { userId: string }) {
  const { session } = useSession();
  const { data } = useQuery({ ...meQuery(), enabled: !!session });
  const undo = useMutation({ mutationFn: () => unblock(userId), onSuccess: () => announce(t.block.undone) });
  if (!session || session.userId === userId || !data) return null;
  if (data.blocked?.includes(userId))
    return (
      <div class="stack tight">
        <p class="soft">{t.block.is}</p>
        <Failure error={undo.error} />
        <div class="row">
          <Button variant="quiet" busy={undo.isPending} onClick={() => undo.mutate()}>
            {t.block.undo}
          </Button>
        </div>
      </div>
    );
  return (
    <ConfirmButton
      name={t.block.name}
      ask={t.block.ask}
      confirm={t.block.confirm}
      variant="plain"
      run={async () => {
        await block(userId);
        announce(t.block.done);
      }}
    />
  );
}
