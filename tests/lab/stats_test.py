"""icl_lab.stats against closed forms, examples worked by hand, and its edges.

usage: stats_test.py      with src/python in PYTHONPATH
"""

import json
import math
import sys
import unittest
import warnings

import numpy as np
from scipy.stats import beta

from icl_lab import stats
from icl_lab.estimate import Estimate, missing, text_of

INF, NAN = float("inf"), float("nan")


class EstimateTest(unittest.TestCase):
    def test_is_written_as_a_person_would(self):
        self.assertEqual(str(Estimate(1627.4, 1394.2, 1757.0, "m", 40)), "1,627 (1,394 to 1,757)")
        self.assertEqual(str(Estimate(0.81123, 0.796, 0.825, "m", 30, "nat")), "0.811 (0.796 to 0.825) nat")
        self.assertEqual(str(Estimate(0.5, NAN, NAN, "m", 1)), "0.500")
        self.assertEqual([text_of(x) for x in (NAN, INF, -INF, 0, 1e-5, 12345.6)], ["none", "infinite", "minus infinite", "0", "1.00e-05", "12,346"])
        self.assertFalse(missing("no").has_interval)

    def test_holds_numbers_of_python_in_order(self):
        found = Estimate(np.float32(0.5), np.float64(0), np.int64(1), "m", np.int64(3))
        self.assertEqual(json.dumps([found.value, found.low, found.high, found.n]), "[0.5, 0.0, 1.0, 3]")
        with self.assertRaises(ValueError):
            Estimate(1.0, 2.0, 1.0, "m", 3)
        self.assertEqual(Estimate(5.0, 1.0, 2.0, "a difference at its end may lie beyond every draw", 3).value, 5)


class SharesTest(unittest.TestCase):
    def test_share_is_jeffreys(self):
        found = stats.share(3, 10)
        self.assertEqual(found.value, 0.3)
        self.assertAlmostEqual(beta.cdf(found.low, 3.5, 7.5), 0.025)
        self.assertAlmostEqual(beta.cdf(found.high, 3.5, 7.5), 0.975)
        self.assertEqual((stats.share(0, 4).low, stats.share(4, 4).high), (0.0, 1.0))
        for k, n in ((5, 4), (-1, 4), (0, -1)):
            with self.assertRaises(ValueError):
                stats.share(k, n)

    def test_of_nothing_all_are_missing(self):
        for found, n in ((stats.share(0, 0), 0), (stats.shares.mean([NAN]), 0), (stats.shares.median([]), 0),
                         (stats.shares.difference(0, 0, 3, 4, seed=1), 4)):
            self.assertTrue(math.isnan(found.value))
            self.assertFalse(found.has_interval)
            self.assertEqual(found.n, n)

    def test_difference_of_equal_shares_is_0(self):
        found = stats.shares.difference(20, 40, 20, 40, seed=1)
        self.assertEqual(found.value, 0)
        self.assertAlmostEqual(found.low, -found.high, delta=0.01)
        found = stats.shares.difference(0, 20, 20, 20, seed=1)
        self.assertEqual(found.low, -1)
        self.assertLess(found.high, -0.7)

    def test_mean_is_students(self):
        found = stats.shares.mean([1.0, 2.0, 3.0, NAN])
        self.assertEqual(found.value, 2)
        self.assertAlmostEqual(found.high - found.value, 4.302653 / math.sqrt(3), places=5)
        self.assertFalse(stats.shares.mean([1.0]).has_interval)
        self.assertEqual(stats.shares.mean([0.99, 1.0, 1.0], within=(0, 1)).high, 1)

    def test_median_has_the_interval_of_order_statistics(self):
        found = stats.shares.median(np.arange(1, 21))
        self.assertEqual((found.value, found.low, found.high), (10.5, 6, 15))  # the sixth and the fifteenth of twenty
        self.assertFalse(stats.shares.median([3.0, 1.0, 2.0]).has_interval)
        self.assertEqual(stats.shares.median([6.0, 5, 4, 3, 2, 1]).low, 1)
        self.assertEqual(stats.shares.median([1.0, INF, INF]).value, INF)
        self.assertEqual(stats.shares.median([1.0, NAN, 3.0]).n, 2)


class ThresholdTest(unittest.TestCase):
    K = np.repeat([100, 200, 400, 800], 4)

    def acquired(self, *counts):
        return np.concatenate([np.arange(4) < count for count in counts])

    def test_bracket(self):
        for counts, expected in (((0, 1, 3, 4), (100, 800)), ((0, 0, 4, 4), (200, 400)), ((0, 0, 0, 0), (800, INF)), ((4, 4, 4, 4), (0, 100)),
                                 ((1, 0, 4, 3), (0, INF))):
            self.assertEqual(stats.threshold.bracket(self.K, self.acquired(*counts)), expected)

    def test_a_ratio_carries_both_errors_on_the_log_scale(self):
        over, under = Estimate(4.0, 2.0, 8.0, "over", 6), Estimate(2.0, 1.0, 4.0, "under", 6)
        found = stats.threshold.ratio(over, under, 12)
        self.assertEqual((found.value, found.n), (2.0, 12))
        self.assertAlmostEqual(found.low, 2 / 2 ** math.sqrt(2))
        self.assertAlmostEqual(found.high, 2 * 2 ** math.sqrt(2))
        self.assertTrue(math.isnan(stats.threshold.ratio(over, Estimate(2.0, 1.0, math.inf, "open", 6), 12).value))

    def test_spearman_karber_is_the_mean_of_log_K(self):
        found = stats.threshold.spearman_karber(self.K, self.acquired(0, 2, 4, 4), seed=1)
        # Half of the mass lies between 100 and 200, half between 200 and 400.
        self.assertAlmostEqual(found.value, math.exp((math.log(100) + 2 * math.log(200) + math.log(400)) / 4))
        self.assertTrue(found.low < 200 < found.high)

    def test_a_perfect_separation_spans_its_bracket(self):
        found = stats.threshold.spearman_karber(self.K, self.acquired(0, 0, 4, 4), seed=1)
        self.assertAlmostEqual(found.value, math.sqrt(200 * 400))
        self.assertTrue(found.low <= 200 and found.high >= 400)

    def test_none_and_all_are_one_sided(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            none = stats.threshold.spearman_karber(self.K, self.acquired(0, 0, 0, 0), seed=1)
            every = stats.threshold.spearman_karber(self.K, self.acquired(4, 4, 4, 4), seed=1)
        # Four runs at the last K are too few, the eight at the last two are enough.
        self.assertEqual((none.value, none.low, none.high), (INF, 400, INF))
        self.assertEqual((every.value, every.low, every.high), (0, 0, 200))
        self.assertEqual(stats.threshold.spearman_karber([100], [False], seed=1).low, 0)

    def test_shares_that_fall_are_pooled(self):
        found = stats.threshold.monotone(np.array([0.0, 0.75, 0.25, 1.0]), np.array([4, 4, 4, 4]))
        np.testing.assert_allclose(found, [[0, 0.5, 0.5, 1]])
        weighted = stats.threshold.monotone(np.array([0.75, 0.25]), np.array([1, 3]))
        np.testing.assert_allclose(weighted, [[0.375, 0.375]])

    def test_what_has_no_threshold_is_refused(self):
        for K in ([100, INF], [0, 5], [100]):
            with self.assertRaises(ValueError):
                stats.threshold.spearman_karber(K, [True, False], seed=1)

    def test_without_runs_or_a_second_K_it_is_missing(self):
        for K, acquired, n in (([], [], 0), ([NAN], [True], 0), ([100, 100], [True, False], 2)):
            self.assertTrue(math.isnan(stats.threshold.width(K, acquired).value))
            found = stats.threshold.spearman_karber(K, acquired, seed=1)
            self.assertTrue(math.isnan(found.value))
            self.assertEqual(found.n, n)
        self.assertTrue(math.isnan(stats.threshold.slope([], [], [], seed=1)[0].value))
        known = self.acquired(0, 1, 4, 4)
        one_more = stats.threshold.spearman_karber([*self.K, NAN], [*known, True], seed=1)
        self.assertEqual(one_more, stats.threshold.spearman_karber(self.K, known, seed=1))

    def test_an_end_beyond_the_grid_is_open(self):
        rising, falling = (stats.threshold.spearman_karber(self.K, self.acquired(*c), seed=1) for c in ((0, 0, 1, 2), (2, 3, 4, 4)))
        self.assertEqual((rising.high, falling.low), (INF, 0))
        self.assertTrue(100 < rising.low < 800 and 100 < falling.high < 800)

    def test_sigmoid_finds_its_own_curve(self):
        K = np.repeat(np.geomspace(200, 50000, 12), 2)
        accuracy = 0.5 + 0.5 / (1 + np.exp(-6 * (np.log10(K) - 3.3)))
        found = stats.threshold.sigmoid(K, accuracy, seed=1, draws=10)
        self.assertAlmostEqual(found.value / 10 ** 3.3, 1, places=4)
        self.assertTrue(math.isnan(stats.threshold.sigmoid([1, 2, 3, NAN], [0.5, 0.7, 0.9, 1.0]).value))

    def test_slope_of_an_exact_power_law(self):
        N, K, acquired = [], [], []
        for n in (10, 20, 40):
            for step in range(-3, 4):
                k = 50 * n ** 1.5 * 2 ** (step / 2 + 0.25)
                N += [n] * 8
                K += [k] * 8
                acquired += [step >= 0] * 8
        slope, curvature = stats.threshold.slope(N, K, acquired, seed=3)
        self.assertAlmostEqual(slope.value, 1.5)
        self.assertTrue(slope.low < 1.5 < slope.high)
        self.assertAlmostEqual(curvature.value, 0)
        self.assertTrue(math.isnan(stats.threshold.slope(N, K, np.zeros(len(N)), seed=3)[0].value))
        self.assertTrue(math.isnan(stats.threshold.slope([1] * 8, K[:8], acquired[:8], seed=3)[0].value))

    def test_width(self):
        # A logistic rise in ln K of width s goes from 10 to 90 % over a factor exp(2 ln 9 s).
        K = np.repeat(np.geomspace(50, 5000, 21), 400)
        share = 1 / (1 + np.exp(-np.log(K / 500) / 0.4))
        found = stats.threshold.width(K, np.tile(np.arange(400) / 400, 21) < share)
        self.assertAlmostEqual(found.value, 2 * math.log10(9) * 0.4, places=2)
        self.assertTrue(found.low < found.value < found.high < 1.2 * found.value)
        sharp, soft = (stats.threshold.width(self.K, self.acquired(*c)) for c in ((0, 0, 4, 4), (1, 2, 2, 3)))
        self.assertLess(sharp.high, soft.high)
        self.assertGreater(sharp.high, sharp.low)
        self.assertTrue(math.isnan(stats.threshold.width(self.K, self.acquired(0, 0, 0, 0)).value))

    def test_horizons(self):
        t = np.array([NAN, NAN, 900.0, 400.0])
        found = stats.threshold.at_horizons([1, 2, 4, 8], t, np.full(4, 1000.0), seed=1)
        self.assertEqual(found[0].value, INF)
        self.assertGreater(found[1].value, found[2].value)

    def test_equal_seeds_give_equal_intervals(self):
        first, second, other = (stats.threshold.spearman_karber(self.K, self.acquired(0, 1, 3, 4), seed=s) for s in (5, 5, 6))
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)


class CrossingTest(unittest.TestCase):
    def test_the_place_in_a_line_over_ln_x(self):
        found = stats.crossing([1, 1, 4, 4], [0.25, 0.25, 0.75, 0.75], seed=1)
        self.assertAlmostEqual(found.value, 2)
        self.assertEqual((found.low, found.high, found.n), (found.value, found.value, 4))

    def test_beyond_the_ends(self):
        self.assertEqual(stats.crossing([1, 1, 4, 4], [0.1, 0.1, 0.2, 0.2], seed=1).value, math.inf)
        self.assertEqual(stats.crossing([1, 1, 4, 4], [0.6, 0.6, 0.7, 0.7], seed=1).value, 0)
        self.assertTrue(math.isnan(stats.crossing([1, 4], [0.2, 0.7], seed=1).value))
        self.assertTrue(math.isnan(stats.crossing([1, 1], [0.2, 0.7], seed=1).value))

    def test_three_runs_cover(self):
        K = np.repeat([4.0, 8, 16, 32, 128, 512], 3)
        rise = 1 / (1 + np.exp(-np.log(K / 14) / 0.8))
        truth = stats.crossing(K, rise, seed=1).value
        random = np.random.default_rng(3)
        held = 0
        for _ in range(200):
            found = stats.crossing(K, rise + random.normal(0, 0.1, K.size), seed=2, draws=1000)
            held += found.low <= truth <= found.high
        self.assertGreaterEqual(held, 186)  # of 200, 190 are expected of 95 %; a bootstrap of three runs holds it in 156


class SurvivalTest(unittest.TestCase):
    def test_product_limit_by_hand(self):
        curve = stats.survival.kaplan_meier([1, 2, 2, 3, 4], [True, True, False, True, False])
        np.testing.assert_allclose(curve.times, [1, 2, 3])
        np.testing.assert_allclose(curve.survival, [0.8, 0.6, 0.3])
        self.assertEqual(curve.median().value, 3)
        self.assertEqual(curve.at(0.5).value, 1)
        self.assertEqual(curve.quantile(0.9).value, INF)
        # The curve runs along 1/2 from 20 to the last time: the middle, as R has it.
        self.assertEqual(stats.survival.kaplan_meier([15, 20, 22, 22], [True, True, False, False]).median().value, 21)

    def test_edges(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            none = stats.survival.kaplan_meier([5.0, 6.0], [False, False])
            self.assertEqual((none.median().value, none.median().high), (INF, INF))
            every = stats.survival.kaplan_meier([5.0, 5.0, 5.0], [True] * 3)
            self.assertEqual(every.median().value, 5)
            self.assertEqual(every.at(6).value, 0)
        with self.assertRaises(ValueError):
            stats.survival.kaplan_meier([1.0, INF], [True, False])

    def test_of_no_run_and_beyond_the_last_one_it_is_missing(self):
        nobody = stats.survival.kaplan_meier([NAN], [True])
        for found in (nobody.median(), nobody.at(1.0)):
            self.assertTrue(math.isnan(found.value))
            self.assertEqual(found.n, 0)
        curve = stats.survival.kaplan_meier([1.0, 4.0, NAN], [True, False, True])
        self.assertEqual((curve.n, curve.at(4.0).value), (2, 0.5))
        self.assertTrue(math.isnan(curve.at(4.1).value))

    def test_logrank_tells_groups_apart(self):
        a, b = np.arange(1.0, 21), np.arange(101.0, 121)
        self.assertLess(stats.survival.logrank([(a, np.ones(20, bool)), (b, np.ones(20, bool))]), 1e-6)
        self.assertGreater(stats.survival.logrank([(a, np.ones(20, bool)), (a + 0.1, np.ones(20, bool))]), 0.5)
        self.assertTrue(math.isnan(stats.survival.logrank([(a, np.zeros(20, bool))])))

    def test_plateau(self):
        time = np.concatenate([np.linspace(1, 400, 30), np.full(10, 1000.0)])
        never, late = stats.survival.plateau(time, time < 1000, 1000.0)
        self.assertAlmostEqual(never.value, 0.25)
        self.assertEqual(late.value, 0)


class CensoredTest(unittest.TestCase):
    def test_without_censoring_the_lognormal_is_the_moments_of_ln_t(self):
        t = np.exp(stats.generator(1).normal(3, 0.4, 50))
        fit = stats.censored.fit(t, np.ones(50, bool), "lognormal")
        self.assertAlmostEqual(fit.mu, np.log(t).mean(), places=5)
        self.assertAlmostEqual(fit.sigma, np.log(t).std(), places=5)

    def test_exponential_is_events_over_time(self):
        t, event = np.array([1.0, 2.0, 3.0, 10.0]), np.array([True, True, False, False])
        fit = stats.censored.fit(t, event, "exponential")
        self.assertAlmostEqual(math.exp(-fit.mu), 2 / 16, places=6)
        self.assertAlmostEqual(fit.log_likelihood, 2 * math.log(2 / 16) - 2, places=6)

    def test_narrow_intervals_are_like_exact_times(self):
        t = np.exp(stats.generator(2).normal(3, 0.4, 60))
        exact = stats.censored.fit(t, np.ones(60, bool), "lognormal")
        within = stats.censored.fit(t * 1.001, np.ones(60, bool), "lognormal", previous=t * 0.999)
        self.assertAlmostEqual(exact.sigma, within.sigma, places=3)

    def test_too_few_events(self):
        with self.assertRaises(ValueError):
            stats.censored.fit([1.0, 2.0], [True, False], "lognormal")
        self.assertTrue(math.isnan(stats.censored.sd_ln_t([1.0, 2.0], [True, False]).value))
        self.assertTrue(math.isnan(stats.censored.sd_ln_t([2.0, 2.0, 5.0], [True, True, False]).value))
        self.assertTrue(math.isnan(stats.censored.aic_difference([([1.0, 2.0], [True, False])], "lognormal", "exponential").value))

    def test_difference_of_two_families_by_hand(self):
        times = [np.exp(stats.generator(seed).normal(3, 0.4, 30)) for seed in (3, 4)]
        event = np.ones(30, bool)
        found = stats.censored.aic_difference([(t, event) for t in times], "lognormal", "exponential")
        value, variance = 0.0, 0.0
        for t in times:
            sigma = np.log(t).std()
            normal = -np.log(t) - math.log(sigma * math.sqrt(2 * math.pi)) - (np.log(t) - np.log(t).mean()) ** 2 / (2 * sigma**2)
            exponential = -math.log(t.mean()) - t / t.mean()
            value += 2 * (normal - exponential).sum() - 2  # one parameter more
            variance += 30 * (2 * (normal - exponential)).var(ddof=1)
        self.assertAlmostEqual(found.value, value, places=4)
        self.assertAlmostEqual(found.high - found.low, 2 * 1.959964 * math.sqrt(variance), places=3)
        self.assertGreater(found.low, 0)

    def test_a_family_that_is_wrong_is_seldom_preferred(self):
        random, event = stats.generator(5), np.ones(12, bool)
        preferred = [stats.censored.aic_difference([(random.weibull(2, 12), event)], "lognormal", "weibull").low > 0 for _ in range(40)]
        self.assertLessEqual(sum(preferred), 2)


class PowerLawTest(unittest.TestCase):
    def test_an_exact_one(self):
        x = np.repeat([100.0, 200, 400, 800], 3)
        found = stats.power_law.fit(x, 3 * x ** 0.8)
        self.assertAlmostEqual(found.slope.value, 0.8)
        self.assertAlmostEqual(found.prefactor, 3)
        self.assertAlmostEqual(found.slope.low, found.slope.high)
        self.assertAlmostEqual(found.curvature.value, 0)
        np.testing.assert_allclose([s for _, _, s in found.neighbours], [0.8] * 3)

    def test_two_x_by_hand(self):
        found = stats.power_law.fit([1, 1, math.e, math.e], np.exp([0.0, 0.2, 1.0, 1.2]))
        self.assertAlmostEqual(found.slope.value, 1.0)
        # variance of each mean 0.02 / 2, of the slope 0.02; two degrees of freedom
        self.assertAlmostEqual(found.slope.high - 1, 4.302653 * math.sqrt(0.02), places=5)

    def test_edges(self):
        self.assertFalse(stats.power_law.fit([1, 2, 4], [1, 2, 4]).slope.has_interval)
        for x, y, n in (([], [], 0), ([1, 1], [1, 2], 2), ([1, 2], [0, 2], 2), ([1, 2], [INF, 2], 2), ([1, 2], [NAN, 2], 1)):
            found = stats.power_law.fit(x, y)
            self.assertTrue(all(map(math.isnan, (found.slope.value, found.curvature.value, found.prefactor))))
            self.assertEqual((found.slope.n, found.neighbours), (n, []))

    def test_where_an_x_has_one_run_the_spread_is_pooled(self):
        found = stats.power_law.fit([1, 1, math.e, math.e, math.e ** 2], np.exp([0.0, 0.2, 1.0, 1.4, 2.2]))
        # pooled variance (0.02 + 0.08) / 2 on 1 + 1 degrees; weights -1/2, 0, 1/2 of means of two, two and one
        self.assertAlmostEqual(found.slope.high - found.slope.value, 4.302653 * math.sqrt(0.05 * (1 / 8 + 1 / 4)), places=5)


class DipTest(unittest.TestCase):
    def test_bounds(self):
        self.assertAlmostEqual(stats.dip.dip(np.arange(10.0)), 1 / 20)       # evenly spaced: the least there is
        self.assertAlmostEqual(stats.dip.dip([0.0] * 50 + [1.0] * 50), 0.25, places=2)  # two points: nearly the most
        self.assertEqual(stats.dip.dip([3.0, 3.0]), 0.25)

    def test_tells_two_modes_from_one(self):
        random = stats.generator(1)
        one, two = random.normal(size=60), np.concatenate([random.normal(size=30), random.normal(6, 1, 30)])
        self.assertGreater(stats.dip.dip_test(one, seed=1, draws=200)[1], 0.1)
        self.assertLess(stats.dip.dip_test(two, seed=1, draws=200)[1], 0.02)
        self.assertTrue(math.isnan(stats.dip.dip_test([1.0, 2.0], seed=1)[1]))


class RankAndTrendTest(unittest.TestCase):
    def test_spearman(self):
        self.assertAlmostEqual(stats.rank.spearman([1, 2, 3, 4, 5], [2, 4, 8, 16, 32], seed=1).value, 1)
        self.assertAlmostEqual(stats.rank.spearman([1, 2, 3, 4, NAN], [9, 7, 5, -INF, 1], seed=1).value, -1)
        for x in ([1, 2, 3], [1, 1, 1, 1]):
            self.assertTrue(math.isnan(stats.rank.spearman(x, np.arange(len(x)), seed=1).value))

    def test_line(self):
        points = [Estimate(2.0 * x + 1, (2.0 * x + 1) / 1.1, (2.0 * x + 1) * 1.1, "", 10) for x in (1, 2, 4, 8)]
        found = stats.trend.line([1, 2, 4, 8], points)
        self.assertAlmostEqual(found.slope.value, 2)
        self.assertAlmostEqual(found.intercept.value, 1)
        self.assertAlmostEqual(found.quadratic.value, 0)
        self.assertTrue(math.isnan(stats.trend.line([1], points[:1]).slope.value))
        never = Estimate(INF, 10, INF, "", 10)
        self.assertTrue(math.isnan(stats.trend.line([1, 2, 4, 8], [*points[:3], never]).slope.value))
        bent = [Estimate(float(x * x), x * x / 1.01, x * x * 1.01, "", 10) for x in (1, 2, 4, 8)]
        self.assertGreater(stats.trend.line([1, 2, 4, 8], bent).slope.high - stats.trend.line([1, 2, 4, 8], bent).slope.low, 1)
        self.assertTrue(math.isnan(stats.trend.line([1, 2], points[:2]).quadratic.value))

    def test_bootstrap(self):
        groups = [np.arange(10.0), np.arange(10.0, 30)]
        first = stats.bootstrap(groups, lambda g: g[1].mean() - g[0].mean(), seed=4)
        self.assertEqual(first.value, 15)
        self.assertTrue(first.low < 15 < first.high)
        self.assertEqual(first, stats.bootstrap(groups, lambda g: g[1].mean() - g[0].mean(), seed=4))
        with self.assertRaises(ValueError):
            stats.bootstrap([[]], len, seed=1)

    def test_draws_without_a_value_are_no_interval(self):
        few, many = (stats.bootstrap([np.arange(40.0)], lambda g: g[0].mean() if (g[0] < limit).any() else NAN, seed=4) for limit in (6, 2))
        self.assertTrue(few.has_interval)
        self.assertFalse(many.has_interval)
        self.assertIn("% of the draws have no value", many.method)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
