import { sameSitePath } from "../../lib/ids";
import { recall } from "../../lib/storage";
import { t } from "../../lib/text";
import { Icon } from "../../ui/icons";

export function BackToBoard() {
  return (
    <div class="row">
      <a href={sameSitePath(recall("board", "sessionStorage"))} class="back">
        <Icon name="back" /> {t.nav.discover}
      </a>
    </div>
  );
}
