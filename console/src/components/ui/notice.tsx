// An error as people read it. The one component that shows one.
import { ApiError } from "../../api/client.ts";
import { useI18n } from "../../i18n/i18n.tsx";

export interface Problem {
  status: number;
  message: string; // the server's own words; empty where it gave none
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return { status: error.status, message: error.message };
  return { status: 0, message: "" };
}

export function Notice({ problem }: { problem: Problem }) {
  const { t } = useI18n();
  const text =
    problem.message || (problem.status === 0 ? t("error.no_answer") : t("error.unknown", { status: problem.status }));
  return (
    <p className="notice" role="alert">
      {text}
    </p>
  );
}
