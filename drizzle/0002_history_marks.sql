ALTER TABLE "np_slos" ADD COLUMN "first_data_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "history_version" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "history_marks" integer[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
UPDATE "np_slos" s SET "first_data_at" = f."first_at" - interval '1 minute' FROM (
  SELECT r."source_account_id", r."slo_id", min(r."at") AS "first_at" FROM "np_slo_snapshots" r
  WHERE r."state" IS NOT NULL GROUP BY r."source_account_id", r."slo_id"
) f WHERE f."source_account_id" = s."source_account_id" AND f."slo_id" = s."id";
