CREATE SCHEMA IF NOT EXISTS "np_slo_parts";--> statement-breakpoint
CREATE TYPE "public"."np_slo_period" AS ENUM('day', 'week', 'month', 'quarter', 'year');--> statement-breakpoint
CREATE TYPE "public"."np_slo_state" AS ENUM('exhausted', 'at_risk', 'healthy', 'no_data');--> statement-breakpoint
CREATE TABLE "np_slo_reports" (
	"source_account_id" text DEFAULT 'primary' NOT NULL,
	"slo_id" uuid NOT NULL,
	"objective" text NOT NULL,
	"period" "np_slo_period" NOT NULL,
	"starts_at" timestamp with time zone NOT NULL,
	"ends_at" timestamp with time zone NOT NULL,
	"target" double precision NOT NULL,
	"reliability" double precision,
	"met" boolean,
	"good" double precision,
	"total" double precision,
	"bad" double precision,
	"budget_used" double precision,
	"minutes_observed" integer NOT NULL,
	"minutes_bad" integer NOT NULL,
	"longest_bad_minutes" integer NOT NULL,
	"alerts_fired" integer,
	"revision" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"revised_at" timestamp with time zone,
	CONSTRAINT "np_slo_reports_pkey" PRIMARY KEY("source_account_id","slo_id","objective","period","starts_at")
);
--> statement-breakpoint
ALTER TABLE "np_slo_reports" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "np_slo_snapshots" (
	"at" timestamp with time zone NOT NULL,
	"used_good" double precision,
	"used_total" double precision,
	"run_good" double precision NOT NULL,
	"run_total" double precision NOT NULL,
	"run_good_low" double precision,
	"run_total_low" double precision,
	"reliability" double precision,
	"budget" double precision,
	"burn_rate" double precision,
	"count_good" double precision,
	"count_total" double precision,
	"received_good" double precision,
	"received_bad" double precision,
	"received_total" double precision,
	"value" double precision,
	"slice_reliability" double precision,
	"slo_id" uuid NOT NULL,
	"source_account_id" text DEFAULT 'primary' NOT NULL,
	"objective" text NOT NULL,
	"state" "np_slo_state",
	"base_good" numeric,
	"base_total" numeric,
	CONSTRAINT "np_slo_snapshots_pkey" PRIMARY KEY("source_account_id","slo_id","objective","at")
) PARTITION BY RANGE ("at");
--> statement-breakpoint
ALTER TABLE "np_slo_snapshots" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
CREATE TABLE "np_slos" (
	"source_account_id" text DEFAULT 'primary' NOT NULL,
	"id" uuid DEFAULT gen_random_uuid() NOT NULL,
	"project" text NOT NULL,
	"name" text NOT NULL,
	"display_name" text NOT NULL,
	"description" text NOT NULL,
	"service" text NOT NULL,
	"labels" jsonb NOT NULL,
	"budgeting_method" text NOT NULL,
	"time_slice_seconds" integer NOT NULL,
	"time_window" jsonb NOT NULL,
	"sli" jsonb NOT NULL,
	"objectives" jsonb NOT NULL,
	"objective_names" text[] NOT NULL,
	"shown_objective" text,
	"alert_policy" jsonb NOT NULL,
	"revisions" jsonb NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	"state" "np_slo_state" DEFAULT 'no_data' NOT NULL,
	"reliability" double precision,
	"budget" double precision,
	"burn_rate" double precision,
	"evaluated_at" timestamp with time zone,
	"last_data_at" timestamp with time zone,
	"snapshots_until" timestamp with time zone,
	CONSTRAINT "np_slos_pkey" PRIMARY KEY("source_account_id","id"),
	CONSTRAINT "np_slos_account_project_name_key" UNIQUE("source_account_id","project","name")
) WITH (fillfactor = 50);
--> statement-breakpoint
ALTER TABLE "np_slos" ENABLE ROW LEVEL SECURITY;--> statement-breakpoint
ALTER TABLE "np_slo_reports" ADD CONSTRAINT "np_slo_reports_slo_fkey" FOREIGN KEY ("source_account_id","slo_id") REFERENCES "public"."np_slos"("source_account_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idx_np_slo_reports_period" ON "np_slo_reports" USING btree ("source_account_id","period","starts_at");--> statement-breakpoint
CREATE POLICY "np_slo_reports_own_account" ON "np_slo_reports" AS PERMISSIVE FOR ALL TO "np_slo_tenant" USING (source_account_id = (select current_setting('app.source_account_id', true))) WITH CHECK (source_account_id = (select current_setting('app.source_account_id', true)));--> statement-breakpoint
CREATE POLICY "np_slo_snapshots_own_account" ON "np_slo_snapshots" AS PERMISSIVE FOR ALL TO "np_slo_tenant" USING (source_account_id = (select current_setting('app.source_account_id', true))) WITH CHECK (source_account_id = (select current_setting('app.source_account_id', true)));--> statement-breakpoint
CREATE POLICY "np_slos_own_account" ON "np_slos" AS PERMISSIVE FOR ALL TO "np_slo_tenant" USING (source_account_id = (select current_setting('app.source_account_id', true))) WITH CHECK (source_account_id = (select current_setting('app.source_account_id', true)));--> statement-breakpoint
GRANT USAGE ON SCHEMA "public" TO "np_slo_tenant";--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "np_slos", "np_slo_snapshots", "np_slo_reports" TO "np_slo_tenant";
