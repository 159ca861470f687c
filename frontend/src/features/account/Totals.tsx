import { lookUp, number, t } from "../../lib/text";
import "./account.css";

interface Props {
  points?: number;
  xp: number;
  reputation: number;
  completed: number;
}

export function Totals({ points, xp, reputation, completed }: Props) {
  const figures = { points, xp, reputation, completed };
  return (
    <dl class="totals">
      {Object.entries(figures).map(
        ([name, value]) =>
          value !== undefined && (
            <div key={name} data-figure={name}>
              <dt>{t.person[name as keyof typeof figures]}</dt>
              <dd>{number(value)}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

export function Interests({ interests }: { interests: readonly string[] }) {
  return (
    <p class="row">
      {interests.map((interest) => (
        <span class="pill" key={interest} dir="auto">
          {lookUp(t.category, interest) ?? interest}
        </span>
      ))}
    </p>
  );
}
