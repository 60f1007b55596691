//! The form of an alarm and of the metrics that it watches, as YAML.

/// The condition of alarms that ring.
pub(super) const RINGS: &str = "HasAlarmTopic";
/// The same for a calculation or a query, which the local emulator refuses.
const CALCULATES: &str = "HasCalculatedAlarms";
/// Missing data is its own state, `INSUFFICIENT_DATA`.
const MISSING: &str = "missing";

/// An alarm. Its texts are YAML.
#[derive(Debug)]
pub(super) struct Alarm {
    name: String,
    condition: String,
    says: String,
    /// A heading of docs/operations.md, as its anchor.
    runbook: &'static str,
    /// The lines of what is watched.
    watched: String,
    threshold: &'static str,
    comparison: &'static str,
    /// In how many periods the value must be on the wrong side of the threshold, and how many periods are looked at.
    periods: (u8, u8),
    missing: &'static str,
}

/// A metric of CloudWatch.
#[derive(Debug)]
pub(super) struct Metric {
    namespace: &'static str,
    name: &'static str,
    dimensions: String,
    statistic: &'static str,
    /// How many seconds of a metric are one value.
    period: u16,
}

const MINUTE: u16 = 60;
const HOUR: u16 = 3_600;
pub(super) const FIVE_MINUTES: u16 = 300;
pub(super) const A_QUARTER_OF_AN_HOUR: u16 = 900;

impl Metric {
    /// A metric as the sum of each minute. The values of dimensions are YAML.
    pub(super) fn new(namespace: &'static str, name: &'static str, dimensions: &[(&str, &str)]) -> Self {
        let dimensions: Vec<_> =
            dimensions.iter().map(|(name, value)| format!("{{Name: {name}, Value: {value}}}")).collect();
        Self { namespace, name, dimensions: dimensions.join(", "), statistic: "Sum", period: MINUTE }
    }

    /// The same of each hour.
    pub(super) fn hourly(mut self) -> Self {
        self.period = HOUR;
        self
    }

    pub(super) fn statistic(mut self, statistic: &'static str) -> Self {
        self.statistic = statistic;
        self
    }

    fn lines(&self) -> String {
        let Self { namespace, name, dimensions, statistic, period } = self;
        // A percentile is an extended statistic.
        let kind = if statistic.starts_with('p') { "ExtendedStatistic" } else { "Statistic" };
        let dimensions = match dimensions.as_str() {
            "" => String::new(),
            some => format!("      Dimensions: [{some}]\n"),
        };
        format!(
            "      Namespace: {namespace}
      MetricName: {name}
{dimensions}      {kind}: {statistic}
      Period: {period}
"
        )
    }

    fn part(&self, id: &str) -> String {
        let Self { namespace, name, dimensions, statistic, period } = self;
        format!(
            "        - Id: {id}
          ReturnData: false
          MetricStat:
            Metric: {{Namespace: {namespace}, MetricName: {name}, Dimensions: [{dimensions}]}}
            Period: {period}
            Stat: {statistic}
"
        )
    }
}

impl Alarm {
    /// An alarm that rings if one period is above zero.
    pub(super) fn on(name: String, says: String, runbook: &'static str, metric: &Metric) -> Self {
        Self::watching(name, RINGS, says, runbook, metric.lines())
    }

    fn watching(name: String, condition: &str, says: String, runbook: &'static str, watched: String) -> Self {
        Self {
            name,
            condition: condition.to_owned(),
            says,
            runbook,
            watched,
            threshold: "0",
            comparison: "GreaterThanThreshold",
            periods: (1, 1),
            missing: "notBreaching",
        }
    }

    /// The same for a calculation with metrics.
    pub(super) fn on_calculation(
        name: String,
        says: String,
        runbook: &'static str,
        expression: &str,
        metrics: &[(&str, Metric)],
    ) -> Self {
        let parts: String = metrics.iter().map(|(id, metric)| metric.part(id)).collect();
        let watched =
            format!("      Metrics:\n        - {{Id: result, Expression: '{expression}'}}\n{parts}");
        Self::watching(name, CALCULATES, says, runbook, watched)
    }

    /// The same for a query of Metrics Insights, over so many seconds. The query may name the stack, as
    /// `${AWS::StackName}`.
    pub(super) fn on_query(name: &str, says: &str, runbook: &'static str, query: &str, seconds: u16) -> Self {
        let tag = if query.contains("${") { "!Sub " } else { "" };
        let query = query.replace('\'', "''");
        let watched = format!(
            "      Metrics:\n        - {{Id: result, Expression: {tag}'{query}', Period: {seconds}}}\n"
        );
        Self::watching(name.to_owned(), CALCULATES, says.to_owned(), runbook, watched)
    }

    pub(super) fn above(mut self, threshold: &'static str) -> Self {
        self.threshold = threshold;
        self
    }

    /// Rings if the value is below the threshold.
    pub(super) fn below(mut self, threshold: &'static str) -> Self {
        self.threshold = threshold;
        self.comparison = "LessThanThreshold";
        self
    }

    /// So many of so many periods must be on the wrong side of the threshold.
    pub(super) fn lasting(mut self, of_them: u8, periods: u8) -> Self {
        self.periods = (of_them, periods);
        self
    }

    pub(super) fn under(mut self, condition: String) -> Self {
        self.condition = condition;
        self
    }

    /// Rings without data, too: it must be reported all the time.
    pub(super) fn must_report(mut self) -> Self {
        self.missing = "breaching";
        self
    }

    /// Rings if data stops. Before the first data it does not ring, because then its state does not change.
    pub(super) fn must_go_on(mut self) -> Self {
        self.missing = MISSING;
        self
    }

    /// Returns the resource.
    pub(super) fn resource(&self) -> String {
        let Self { name, condition, says, runbook, watched, threshold, comparison, periods, missing } = self;
        let (of_them, periods) = periods;
        let without_data =
            if *missing == MISSING { "      InsufficientDataActions: [!Ref AlarmTopicArn]\n" } else { "" };
        format!(
            "  {name}:
    Type: AWS::CloudWatch::Alarm
    Condition: {condition}
    Properties:
      AlarmDescription: '{says}. Runbook: docs/operations.md#{runbook}'
{watched}      EvaluationPeriods: {periods}
      DatapointsToAlarm: {of_them}
      Threshold: {threshold}
      ComparisonOperator: {comparison}
      TreatMissingData: {missing}
      AlarmActions: [!Ref AlarmTopicArn]
      OKActions: [!Ref AlarmTopicArn]
{without_data}"
        )
    }
}
