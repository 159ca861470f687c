/** Short names for the generated types. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];
export type Category = Schemas["Category"];
export type QuestStatus = Schemas["Status"];
/** The time of a quest; one without a window may be done at any time. */
interface Timed {
  when?: { start: string; end: string } | null;
  minutes?: number;
}
export type BoardCard = Schemas["BoardCard"] & Timed;
export type Board = Omit<Schemas["Board"], "cards"> & { cards: BoardCard[] };
export type BoardIndex = Schemas["BoardIndex"];
export type Pages = Schemas["Pages"];
export type CardPage = { cards: BoardCard[] };
export type WordPage = Schemas["WordPage"];
export type QuestDocument = Schemas["QuestDocument"];
export type QuestCard = Schemas["QuestCard"] & Timed;
/** A quest in a list of the member's own, with whose turn it is. */
export type MyQuestCard = Schemas["MyQuestCard"] & Timed;
export type Turn = Schemas["TurnView"];
/** A page of a list of quests. */
export type QuestPage = Schemas["QuestPage"];
export type Quest = Schemas["QuestPublic"];
export type QuestView = Schemas["QuestView"];
/** The fields of a quest's form. */
export type QuestDraft = Required<Schemas["Draft"]>;
export type QuestEdit = Schemas["Edit"];
export type MyQuestPage = Schemas["MyQuestPage"];
export type MyTurn = Schemas["MyTurn"];
export type InboxItem = Schemas["InboxItem"];
export type InboxPage = Schemas["InboxPage"];
export type Message = Schemas["MessageView"];
export type Audience = Schemas["Audience"];
export type Me = Schemas["Me"];
export type ProfileEdit = Schemas["Profile"];
export type Profile = Schemas["PublicProfile"];
export type LedgerEntry = Schemas["EntryView"];
export type Outcome = Schemas["Outcome"];
export type Action = Schemas["Action"];
export type Role = Schemas["Role"];
export type Involvement = Schemas["Involvement"];
export type Health = Schemas["Health"];
export type Problem = Schemas["Problem"];
export type ReportSubject = Schemas["SubjectInput"];
export type ReportReason = Schemas["ReportReason"];
export type ReportSide = Schemas["Side"];
export type Report = Schemas["ReportView"];
export type Case = Schemas["Case"];
export type DecisionDraft = Schemas["DecisionDraft"];
export type Measure = Schemas["Measure"];
export type SubjectKind = Schemas["SubjectKind"];
export type Export = Schemas["Export"];
