const WIDTH = 30;

export interface ProgressBar {
  /** `share` is from 0 to 1. */
  show(share: number, label: string): void;
  end(): void;
}

/** One line that is written anew, wherever the terminal shows it; nothing is written twice. */
export function progressBar(note: (text: string) => void): ProgressBar {
  let shown = '';
  return {
    show(share, label) {
      const done = Math.round(Math.min(1, Math.max(0, share)) * WIDTH);
      const percent = String(Math.floor(share * 100)).padStart(3);
      const line = `[${'#'.repeat(done)}${'.'.repeat(WIDTH - done)}] ${percent} %  ${label}`;
      if (line === shown) return;
      note(`\r${line.padEnd(shown.length)}`);
      shown = line;
    },
    end() {
      if (shown !== '') note('\n');
    },
  };
}
