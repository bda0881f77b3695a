import { Dialog } from "../ui/dialog.tsx";
import { useActiveShortcuts, useSingleKeys } from "./shortcuts.ts";

const NAMES: Record<string, string> = { Escape: "Esc", ArrowDown: "↓", ArrowUp: "↑", Enter: "Enter" };

/** Every key of the page that is shown, and a switch that turns single keys off. */
export function Help({ onClose }: { onClose: () => void }) {
  const shortcuts = useActiveShortcuts();
  const [areOn, setOn] = useSingleKeys();
  const groups = [...new Set(shortcuts.map(({ group }) => group))];
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <div className="help-groups">
        {groups.map((group) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>
              {shortcuts
                .filter((shortcut) => shortcut.group === group)
                .map(({ keys, label }) => (
                  <div key={keys + label}>
                    <dt>
                      <Keys keys={keys} />
                    </dt>
                    <dd>{label}</dd>
                  </div>
                ))}
            </dl>
          </section>
        ))}
      </div>
      <label className="check">
        <input type="checkbox" checked={areOn} onChange={(event) => setOn(event.target.checked)} /> Single keys do
        something (turn this off if you use speech input)
      </label>
    </Dialog>
  );
}

function Keys({ keys }: { keys: string }) {
  const parts = keys === " " ? ["Space"] : keys.replace("mod+", "Ctrl ").split(" ");
  return parts.map((key, place) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: keys of one shortcut
    <kbd key={place}>{NAMES[key] ?? key}</kbd>
  ));
}
