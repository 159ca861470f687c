import { QuestTicket } from "../../ui/quests";

type Ticket = Parameters<typeof QuestTicket>[0];

export const Tickets = ({ quests, level }: { quests: readonly Ticket["quest"][] } & Pick<Ticket, "level">) => (
  <div class="tickets">
    {quests.map((quest) => (
      <QuestTicket key={quest.questId} quest={quest} level={level} />
    ))}
  </div>
);
