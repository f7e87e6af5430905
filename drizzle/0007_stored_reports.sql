ALTER TABLE "np_slos" ADD COLUMN "report_due_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "np_slos" ADD COLUMN "reported_version" bigint;